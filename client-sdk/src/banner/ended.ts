import type { SessionClient } from '../session-client.js';
import type { Snapshot } from '../snapshot.js';
import { button, el, say } from './dom.js';
import { LastcallElement } from './element.js';
import { Panel } from './parts.js';
import { clockOf } from './texts.js';

/** Refusals whose message is for the person, by whoever closed the door. */
const TOLD: ReadonlySet<string> = new Set(['blocked', 'maintenance', 'session_limit']);

interface Words {
  readonly title: string;
  readonly text: string;
  readonly by: string;
  readonly waitMs: number;
}

/**
 * `<lastcall-ended>`: covers the page when the session is over: why, by whom, and how to come back. An event
 * `lastcall-sign-in` comes before the new sign-in, and takes its place when its default is prevented.
 */
export class LastcallEnded extends LastcallElement {
  readonly #by = el('p', 'giver');
  readonly #kept = el('p', 'work');
  readonly #wait = el('p', 'when', { 'aria-hidden': 'true' });
  readonly #again = button('primary', () => {
    this.#signIn();
  });
  readonly #panel = new Panel(
    'screen',
    () => {
      this.update();
    },
    [this.#by, this.#kept, this.#wait],
    [this.#again],
  );
  /** What ended, and until when the door is closed. */
  #of: unknown;
  #until = 0;

  constructor() {
    super();
    this.root.append(this.#panel.element);
  }

  protected override draw(snapshot: Snapshot, _client: SessionClient): boolean {
    const words = this.#words(snapshot);
    this.#panel.toggle(words !== undefined);
    const of = snapshot.ended ?? snapshot.error;
    if (words && of !== this.#of) this.#until = performance.now() + words.waitMs;
    this.#of = words && of;
    if (words) {
      say(this.#panel.title, words.title);
      say(this.#panel.text, words.text);
      say(this.#by, words.by);
    }
    return words !== undefined;
  }

  protected override tick(): void {
    const leftMs = Math.max(0, this.#until - performance.now());
    say(this.#kept, (this.drafts?.keeping.length ?? 0) > 0 ? this.t('workKept') : '');
    const later = (time: string): string => (leftMs === 0 ? '' : this.t('signInLater', { time }));
    say(this.#wait, later(clockOf(leftMs)));
    if (leftMs === 0 || this.#panel.voice.textContent === '')
      say(this.#panel.voice, later(this.time(leftMs)));
    this.offer(this.#again, 'signInAgain', leftMs > 0);
  }

  #words({ status, ended, error }: Snapshot): Words | undefined {
    if (ended) {
      const { reason, by, message, reentryMs = 0 } = ended;
      const isAdmin = by.kind === 'admin';
      return {
        title: this.t(`ended_${reason}`),
        // The others are said by the title, in the person's language.
        text: isAdmin ? message : '',
        by: isAdmin ? `– ${by.name ?? this.t('administrator')}` : '',
        waitMs: reentryMs,
      };
    }
    if (status !== 'closed' || !error) return undefined;
    return {
      title: this.t(error.code === 'superseded' ? 'stoppedElsewhere' : 'stopped'),
      text: TOLD.has(error.code) ? error.message : '',
      by: '',
      waitMs: error.extras.retryAfterMs ?? 0,
    };
  }

  #signIn(): void {
    const event = new CustomEvent('lastcall-sign-in', { bubbles: true, composed: true, cancelable: true });
    // What is in the way is in the snapshot.
    if (this.dispatchEvent(event)) this.client?.connect().catch(() => undefined);
  }
}
