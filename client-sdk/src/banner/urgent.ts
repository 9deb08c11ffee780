import type { SessionClient } from '../session-client.js';
import { button, say } from './dom.js';
import { LastcallElement } from './element.js';
import { Card, Countdown, clock, Panel, voice } from './parts.js';
import type { TextName } from './texts.js';

/** What has to be answered in time: a dialog first, a bar while the person finishes what they were doing. */
export abstract class Urgent<C extends SessionClient = SessionClient> extends LastcallElement<C> {
  protected readonly clock = clock();
  protected readonly show = button('show', () => {
    this.#aside = undefined;
    this.update();
  });
  protected panel!: Panel;
  protected bar!: Card;
  protected readonly voice = voice();
  readonly #countdown = new Countdown();
  #id: string | undefined;
  /** What the person has put aside. */
  #aside: string | undefined;

  /** What says how much time is left. */
  protected abstract readonly left: TextName;

  /** Escape puts it aside. */
  protected build(
    body: readonly HTMLElement[],
    actions: readonly HTMLElement[],
    bar: readonly HTMLElement[],
  ): void {
    this.panel = new Panel(
      'urgent',
      () => {
        this.putAside();
      },
      body,
      actions,
    );
    this.bar = new Card([...bar, this.show]);
    this.root.append(this.panel.element, this.bar.element, this.voice);
  }

  /** @param id of what is to be answered, in place of what was before */
  protected urge(id: string | undefined, barText: string): void {
    const isAside = id !== undefined && id === this.#aside;
    if (id !== this.#id) say(this.panel.note);
    this.#id = id;
    this.offer(this.show, 'show');
    this.bar.show(isAside && barText);
    this.panel.toggle(id !== undefined && !isAside);
  }

  protected putAside(): void {
    this.#aside = this.#id;
    this.update();
  }

  protected override tick(): void {
    const leftMs = this.client?.remainingMs(this.#id ?? '');
    if (leftMs === undefined || !this.#countdown.show(this.#id, leftMs, this.clock, this.bar.clock)) return;
    const place = this.panel.element.open ? this.panel.voice : this.voice;
    say(place, this.t(this.left, { time: this.time(leftMs) }));
  }
}
