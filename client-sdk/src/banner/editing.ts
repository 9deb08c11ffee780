import type { LockHolder } from '@lastcall/shared';
import type { LastcallClient } from '../client.js';
import type { Snapshot } from '../snapshot.js';
import { RecordLock, type RecordPhase, type RecordView } from '../view/record-lock.js';
import { button, el, say } from './dom.js';
import { LastcallElement } from './element.js';
import { Countdown, clock, Panel } from './parts.js';
import { sceneNow } from './scene.js';

/** The longest wait there is, in milliseconds. */
const WAIT_MS = 300_000;
/** Longest reason, in characters. */
const MAX_REASON = '200';

/**
 * `<lastcall-editing resource="invoices/7">`: who edits a record, and what can be done about it. The lock that is got
 * here is in `record.getView().handle`; it is given back when the element leaves the page. Each change of the phase is
 * an event `lastcall-change`.
 */
export class LastcallEditing extends LastcallElement<LastcallClient> {
  static readonly observedAttributes = ['resource'];
  readonly #initials = el('span', 'avatar', { 'aria-hidden': 'true' });
  readonly #text = el('span', 'badge-text', { role: 'status' });
  readonly #clock = clock();
  readonly #edit = button('edit', () => {
    this.#try((record) => record.lock());
  });
  readonly #wait = button('wait', () => {
    this.#try((record) => record.lock({ waitMs: WAIT_MS }));
  });
  readonly #ask = button('ask', () => {
    this.#openPanel();
  });
  readonly #stop = button('stop', () => this.#record?.cancel());
  readonly #label = el('span', 'label');
  readonly #reason = el('input', 'input', { maxlength: MAX_REASON });
  readonly #send = button('primary', () => {
    this.#takeOver();
  });
  readonly #cancel = button('aside', () => {
    this.#panel.toggle(false);
  });
  readonly #panel = new Panel(
    'ask',
    () => {
      this.#panel.toggle(false);
    },
    [el('label', 'field', {}, this.#label, this.#reason)],
    [this.#send, this.#cancel],
  );
  readonly #countdown = new Countdown();
  #record: RecordLock | undefined;
  #given: RecordLock | undefined;
  #phase: RecordPhase | undefined;

  constructor() {
    super();
    const actions = [this.#edit, this.#ask, this.#wait, this.#stop];
    const badge = el('div', 'badge', {}, this.#initials, this.#text, this.#clock, ...actions);
    this.root.append(badge, this.#panel.element);
    this.#reason.addEventListener('keydown', ({ key, isComposing }) => {
      if (key === 'Enter' && !isComposing) this.#takeOver();
    });
  }

  /** The record's name; the attribute `resource`. */
  get resource(): string {
    return this.getAttribute('resource') ?? '';
  }

  set resource(resource: string) {
    this.setAttribute('resource', resource);
  }

  /** The record that is shown. One that is given stays its owner's: its lock is not given back here. */
  get record(): RecordLock | undefined {
    return this.#record;
  }

  set record(record: RecordLock | undefined) {
    this.#given = record;
    if (record) this.client = record.client as LastcallClient;
    else this.restart();
  }

  attributeChangedCallback(): void {
    this.restart();
  }

  protected override begin(client: LastcallClient): () => void {
    const own = this.#given ?? (this.resource ? new RecordLock(client, this.resource) : undefined);
    this.#record = own;
    const end = own?.subscribe(this.update);
    return () => {
      end?.();
      if (own && own !== this.#given) void own.release();
      this.#record = undefined;
    };
  }

  protected override draw({ user }: Snapshot): boolean {
    const view = this.#record?.getView();
    this.hidden = !view;
    if (!view) return false;
    const { phase, holders } = view;
    const may = phase === 'taken' && holders[0]?.takeable;
    this.root.dataset['phase'] = phase;
    this.#initials.hidden = phase !== 'taken';
    say(this.#initials, initialsOf(holders[0]?.user.name));
    say(this.#text, this.#words(view, user?.id));
    this.#clock.hidden = phase !== 'asked';
    this.offer(this.#edit, (phase === 'free' && 'edit') || (phase === 'lost' && 'getBack'));
    this.offer(this.#ask, (may === 'force' && 'takeOver') || (may === 'ask' && 'ask'));
    this.offer(this.#wait, phase === 'taken' && 'wait');
    this.offer(this.#stop, (phase === 'waiting' && 'stopWaiting') || (phase === 'asked' && 'withdraw'));
    if (phase !== this.#phase)
      this.dispatchEvent(new CustomEvent('lastcall-change', { detail: view, bubbles: true, composed: true }));
    this.#phase = phase;
    return phase === 'asked';
  }

  protected override tick(): void {
    this.#countdown.show('', this.#record?.remainingMs() ?? 0, this.#clock);
  }

  #words({ phase, holders, waiting, error }: RecordView, self: string | undefined): string {
    const [holder] = [...holders, ...(waiting?.blockers ?? [])];
    const name = holder?.user.name ?? this.t('somebody');
    const position = waiting?.position ?? 1;
    if (phase === 'waiting' && position === 1) return this.t('waitingNext');
    if (phase !== 'taken')
      return this.t(phase === 'asking' ? 'unknown' : phase, { name, position: String(position) });
    // That it is locked is what is shown anyway.
    const news = error && error.code !== 'locked' && (error.code === 'takeover_refused' ? 'kept' : 'refused');
    return `${news ? `${this.t(news, { name })} ` : ''}${this.#takenBy(holders, name, self)}`;
  }

  #takenBy(holders: readonly LockHolder[], name: string, self: string | undefined): string {
    const count = holders.length - 1;
    if (holders.every(({ user }) => user.id === self)) return this.t('takenElsewhere');
    if (holders.every(({ mode }) => mode === 'shared')) return this.t('reading', { name });
    return this.t(count > 0 ? 'takenByMany' : 'taken', { name, count: String(count) });
  }

  #openPanel(): void {
    const [holder] = this.#record?.getView().holders ?? [];
    if (!holder) return;
    const kind = holder.takeable === 'force' ? 'force' : 'ask';
    const values = { name: holder.user.name, record: sceneNow().label(this.#record?.resource ?? '') };
    say(this.#panel.title, this.t(`${kind}Title`, values));
    say(this.#panel.text, this.t(`${kind}Text`, values));
    say(this.#label, this.t(kind === 'force' ? 'why' : 'reason'));
    this.#reason.required = kind === 'force';
    this.offer(this.#send, kind === 'force' ? 'takeOver' : 'ask');
    this.offer(this.#cancel, 'cancel');
    this.#reason.value = '';
    this.#panel.toggle(true);
  }

  #takeOver(): void {
    const reason = this.#reason.value.trim();
    this.#reason.value = reason;
    if (!this.#reason.reportValidity()) return;
    this.#panel.toggle(false);
    const force = this.#record?.getView().holders[0]?.takeable === 'force';
    this.#try((record) => record.takeover({ ...(force && { force }), ...(reason && { reason }) }));
  }

  /** What comes of it is in the view. */
  #try(ask: (record: RecordLock) => Promise<unknown>): void {
    if (this.#record) ask(this.#record).catch(() => undefined);
  }
}

function initialsOf(name = ''): string {
  const letters = name.split(/\s+/).map((word) => Array.from(word)[0]);
  return [letters[0], ...letters.slice(1).slice(-1)].join('').toUpperCase();
}
