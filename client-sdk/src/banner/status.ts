import type { SessionClient } from '../session-client.js';
import type { Snapshot } from '../snapshot.js';
import { el, say } from './dom.js';
import { LastcallElement } from './element.js';
import { voice } from './parts.js';

/** What is over sooner is not read out. */
const STEADY_MS = 2_000;

/** `<lastcall-status>`: the state of the connection, for eyes; for ears once it lasts. */
export class LastcallStatus extends LastcallElement {
  readonly #text = el('span', 'status-text');
  readonly #voice = voice();
  #said: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    const dot = el('span', 'dot', { 'aria-hidden': 'true' });
    this.root.append(el('span', 'status', {}, dot, this.#text), this.#voice);
  }

  protected override draw({ status, saving, locks }: Snapshot, _client: SessionClient): boolean {
    const atRisk = locks.some(({ state }) => state === 'at-risk');
    const text = this.t(atRisk ? 'at-risk' : saving ? 'work_saving' : `status_${status}`);
    this.root.dataset['status'] = atRisk ? 'closed' : saving ? 'connecting' : status;
    say(this.#text, text);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // The first state is no news.
      if (this.#said && this.#said !== text) say(this.#voice, text);
      this.#said = text;
    }, STEADY_MS);
    return false;
  }

  override disconnectedCallback(): void {
    clearTimeout(this.#timer);
    super.disconnectedCallback();
  }
}
