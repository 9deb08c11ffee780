import type { Draft, Drafts } from '../drafts.js';
import type { SessionClient } from '../session-client.js';
import type { Snapshot } from '../snapshot.js';
import { button, el, say } from './dom.js';
import { LastcallElement } from './element.js';
import { Card, voice } from './parts.js';
import { sceneNow } from './scene.js';

/** `<lastcall-draft>`: offers what was kept of somebody's work, one draft after the other, the oldest first. */
export class LastcallDraft extends LastcallElement {
  readonly #primary = button('primary', () => void this.#take());
  readonly #discard = button('discard', () => {
    this.#throwAway();
  });
  readonly #later = button('aside', () => {
    if (this.#sure) this.#sure = false;
    else this.#waiting = this.#waiting.slice(1);
    this.update();
  });
  readonly #what = el('p', 'text');
  readonly #note = el('p', 'note', { role: 'status' });
  readonly #card = new Card([this.#primary, this.#discard, this.#later], this.#what, this.#note);
  readonly #voice = voice();
  #restore: ((draft: Draft) => unknown) | undefined;
  #waiting: readonly Draft[] = [];
  #session: string | undefined;
  #looked: Drafts | undefined;
  /** The person wants to discard it; once more, and it is gone. */
  #sure = false;

  constructor() {
    super();
    this.root.append(this.#card.element, this.#voice);
  }

  /** Puts a draft back into its editor; when it throws, the draft stays. Without it the text can be copied. */
  get restore(): ((draft: Draft) => unknown) | undefined {
    return this.#restore ?? sceneNow().restore;
  }

  set restore(restore: ((draft: Draft) => unknown) | undefined) {
    this.#restore = restore;
    this.update();
  }

  protected override draw({ session, status }: Snapshot, _client: SessionClient): boolean {
    const { drafts } = this;
    const isOver = status === 'ended' || status === 'closed';
    if (isOver || session?.id !== this.#session || drafts !== this.#looked) {
      this.#session = isOver ? undefined : session?.id;
      this.#looked = drafts;
      this.#waiting = [];
      if (this.#session && drafts) void this.#look(drafts);
    }
    const [draft] = this.#waiting;
    this.#card.show(draft && this.t('draftTitle'));
    if (!draft) return false;
    const when = new Intl.DateTimeFormat(this.root.lang, { dateStyle: 'medium', timeStyle: 'short' });
    const record = sceneNow().label(draft.resource);
    say(this.#what, `${record} · ${when.format(draft.keptAt)}`);
    this.offer(this.#primary, !this.#sure && (this.restore ? 'restore' : 'copy'));
    this.offer(this.#discard, this.#sure ? 'discardSure' : 'discard');
    this.offer(this.#later, this.#sure ? 'cancel' : 'later');
    return false;
  }

  async #look(drafts: Drafts): Promise<void> {
    const found = await drafts.offered();
    if (drafts !== this.#looked) return;
    this.#waiting = found;
    this.update();
    say(this.#voice, found.length > 0 ? this.t('draftTitle') : '');
  }

  async #take(): Promise<void> {
    const [draft] = this.#waiting;
    const { restore } = this;
    if (!draft) return;
    try {
      if (restore) await restore(draft);
      else await navigator.clipboard.writeText(draft.text);
    } catch {
      say(this.#note, this.t('notRestored'));
      return;
    }
    if (restore) await this.#drop(draft);
    else say(this.#note, this.t('copied'));
  }

  #throwAway(): void {
    const [draft] = this.#waiting;
    if (this.#sure && draft) void this.#drop(draft);
    this.#sure = !this.#sure;
    this.update();
  }

  async #drop({ id }: Draft): Promise<void> {
    this.#waiting = this.#waiting.filter((draft) => draft.id !== id);
    say(this.#note);
    this.update();
    await this.drafts?.drop(id);
  }
}
