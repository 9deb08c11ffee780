import type { SessionClient } from '../session-client.js';
import type { Snapshot, Warning } from '../snapshot.js';
import { mostUrgent } from '../view/most-urgent.js';
import { button, el, say } from './dom.js';
import { ENGLISH } from './texts.js';
import { Urgent } from './urgent.js';

/** What is asked for as more time, in milliseconds: the most first. */
const MORE_MS: readonly number[] = [300_000, 60_000];

/** `<lastcall-warning>`: a dialog that says what is about to happen and counts down, then a bar. */
export class LastcallWarning extends Urgent {
  protected override readonly left = 'timeLeft';
  readonly #here = button('primary', () => {
    this.putAside();
  });
  readonly #save = button('primary', () => this.#saveAndSignOut());
  readonly #more = button('more', () => this.#askForMore());
  readonly #aside = button('aside', () => {
    this.putAside();
  });
  readonly #barSave = button('primary', () => this.#saveAndSignOut());
  readonly #giver = el('p', 'giver');
  readonly #work = el('p', 'work');
  #shown: Warning | undefined;

  constructor() {
    super();
    const actions = [this.#here, this.#save, this.#more, this.#aside];
    this.build([this.#giver, this.clock, this.#work], actions, [this.#barSave]);
  }

  protected override draw({ status }: Snapshot, client: SessionClient): boolean {
    const before = this.#shown;
    const next = mostUrgent(client);
    this.#shown = next;
    const isLogoff = next?.action === 'logoff';
    if (next?.orderId !== before?.orderId)
      say(this.voice, !next && before?.action === 'logoff' && status === 'online' ? this.t('withdrawn') : '');
    if (next) this.#write(next, isLogoff);
    this.urge(next?.orderId, isLogoff ? this.t('barText') : '');
    if (isLogoff && this.panel.element.open && !next.seen && document.visibilityState === 'visible')
      this.#seen(next);
    return isLogoff;
  }

  #write({ reason, message, by, work, extendable }: Warning, isLogoff: boolean): void {
    const isIdle = isLogoff && reason === 'idle';
    const busy = work === 'saving' || work === 'saved';
    // What policy does is said in the person's language; a person's own words are theirs.
    const due = `due_${reason}` as 'due_idle';
    say(this.panel.title, this.t(isIdle ? 'idleTitle' : isLogoff ? 'logoffTitle' : 'messageTitle'));
    say(this.panel.text, by.kind === 'policy' && due in ENGLISH ? this.t(due) : message);
    say(this.#giver, by.kind === 'admin' ? `– ${by.name ?? this.t('administrator')}` : '');
    say(this.#work, isLogoff ? this.t(`work_${work}`) : '');
    this.clock.hidden = !isLogoff;
    this.offer(this.#here, isIdle ? 'stillHere' : !isLogoff && 'ok');
    this.offer(this.#save, isLogoff && 'saveAndSignOut', busy);
    this.offer(this.#more, isLogoff && extendable && 'moreTime');
    this.offer(this.#aside, isLogoff && !isIdle && 'keepWorking');
    this.offer(this.#barSave, 'saveAndSignOut', busy);
  }

  #seen({ orderId }: Warning): void {
    this.client?.seen(orderId).catch(() => undefined);
  }

  /** The person has read it and goes on. What ends for want of a sign ends no more. */
  protected override putAside(): void {
    const warning = this.#shown;
    if (warning?.action === 'warn') this.#seen(warning);
    if (warning?.reason === 'idle') void this.client?.dismiss();
    super.putAside();
  }

  async #saveAndSignOut(): Promise<void> {
    const result = await this.client?.saveAndEnd();
    say(this.panel.note, result?.failures.join(' '));
  }

  async #askForMore(): Promise<void> {
    const orderId = this.#shown?.orderId ?? '';
    for (const ms of MORE_MS) {
      try {
        const leftMs = await this.client?.extend(orderId, ms);
        say(this.panel.note, this.t('moreTimeGiven', { time: this.time(leftMs ?? 0) }));
        return;
      } catch {
        // Less may be possible.
      }
    }
    say(this.panel.note, this.t('noMoreTime'));
  }
}
