import type { LastcallClient, Snapshot, Warning } from '@lastcall/client';
import { button, byId, el, fill, say } from './dom.js';
import { clockOf, wordsOf } from './time.js';
import { toast } from './toast.js';

/** A screen reader says the time left when it falls below these, not each second. */
const STEPS_MS: readonly number[] = [600_000, 300_000, 120_000, 60_000, 30_000, 10_000];
const TICK_MS = 250;

function giverOf({ by }: Warning): string {
  return by.name ?? (by.kind === 'admin' ? 'An administrator' : 'The system');
}

function titleOf({ action, reason }: Warning): string {
  if (action === 'warn') return 'A message for you';
  return reason === 'idle' ? 'Are you still there?' : 'Please save your work';
}

const WORK: Readonly<Record<Exclude<Warning['work'], 'open'>, string>> = {
  saving: 'Saving …',
  saved: 'Your work is saved.',
  failed: 'Your work could not be saved. Try again.',
};
const UNSAVED = 'You have unsaved changes. If you do nothing, they are saved shortly before the end.';

function workText({ work }: Warning, dirty: boolean): string {
  if (work !== 'open') return WORK[work];
  return dirty ? UNSAVED : 'Nothing is unsaved.';
}

/** Warnings, one at a time: a dialog first, then a bar while the person finishes what they were doing. */
export class Warnings {
  readonly bar = el('div', { class: 'warning-bar', role: 'region', 'aria-label': 'Logoff', hidden: true });
  readonly #client: LastcallClient;
  readonly #dirty: () => boolean;
  readonly #dialog: HTMLDialogElement;
  /** Takes the focus first: a key struck while typing must not press a button that has just appeared. */
  readonly #title = el('h2', { id: 'warning-title', tabindex: '-1', autofocus: true });
  readonly #message = el('blockquote', { id: 'warning-message' });
  readonly #giver = el('p', { class: 'giver' });
  readonly #work = el('p', { class: 'work', role: 'status' });
  readonly #clock = el('p', { class: 'clock', 'aria-hidden': 'true' });
  readonly #barClock = el('strong', { class: 'bar-clock', 'aria-hidden': 'true' });
  readonly #spoken = el('p', { class: 'unseen', 'aria-live': 'polite' });
  readonly #actions = el('div', { class: 'actions' });
  readonly #timer: ReturnType<typeof setInterval>;
  #warning: Warning | undefined;
  /** The person has put it aside. */
  #aside = '';
  #saidMs = Number.POSITIVE_INFINITY;
  #drawn = '';

  constructor(client: LastcallClient, dirty: () => boolean) {
    this.#client = client;
    this.#dirty = dirty;
    this.#dialog = el(
      'dialog',
      {
        class: 'warning',
        role: 'alertdialog',
        'aria-labelledby': 'warning-title',
        'aria-describedby': 'warning-message',
      },
      this.#title,
      this.#clock,
      this.#message,
      this.#giver,
      this.#work,
      this.#actions,
    );
    this.#dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      this.#dismiss();
    });
    byId('overlays').append(this.#dialog, this.#spoken);
    this.#timer = setInterval(() => {
      this.#tick();
    }, TICK_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#dialog.close();
    this.#dialog.remove();
    this.#spoken.remove();
  }

  /** The logoff that comes first; then messages that were not read yet. */
  update({ warnings, status }: Snapshot): void {
    const before = this.#warning;
    if (
      before?.action === 'logoff' &&
      status === 'online' &&
      !warnings.some(({ orderId }) => orderId === before.orderId)
    ) {
      toast(before.reason === 'idle' ? 'You stay signed in.' : 'The logoff was cancelled.');
    }
    const left = (one: Warning): number => this.#client.remainingMs(one.orderId) ?? 0;
    const [next] = warnings
      .filter(({ action, seen }) => action === 'logoff' || !seen)
      .toSorted((a, b) => Number(b.action === 'logoff') - Number(a.action === 'logoff') || left(a) - left(b));
    if (next?.orderId !== this.#warning?.orderId) this.#saidMs = Number.POSITIVE_INFINITY;
    this.#warning = next;
    this.#render();
  }

  #render(): void {
    const warning = this.#warning;
    if (!warning) {
      this.#dialog.close();
      this.bar.hidden = true;
      this.#drawn = '';
      return;
    }
    say(this.#title, titleOf(warning));
    say(this.#message, warning.message);
    say(this.#giver, `– ${giverOf(warning)}`);
    say(this.#work, warning.action === 'logoff' ? workText(warning, this.#dirty()) : '');
    this.#draw(warning);
    const aside = this.#aside === warning.orderId;
    this.bar.hidden = !aside || warning.action === 'warn';
    if (aside) this.#dialog.close();
    else if (!this.#dialog.open) this.#open(warning);
    this.#tick();
  }

  #open(warning: Warning): void {
    this.#dialog.showModal();
    // A window nobody looks at has shown nothing to anybody yet. A message counts as seen when it is dismissed.
    if (warning.action === 'logoff' && !warning.seen && document.visibilityState === 'visible') {
      this.#client.seen(warning.orderId).catch(() => undefined);
    }
  }

  /** Buttons are made anew only when there are others, so that the focus stays where it is. */
  #draw(warning: Warning): void {
    const busy = warning.work === 'saving' || warning.work === 'saved';
    const drawn = JSON.stringify([warning.orderId, warning.action, warning.reason, busy]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    fill(this.#actions, ...this.#buttons(warning, busy));
    const label = el('span', {}, 'You will be logged off in ', this.#barClock);
    fill(this.bar, label, this.#saveAndSignOut(busy));
    if (this.#dialog.open) this.#title.focus();
  }

  #buttons(warning: Warning, busy: boolean): readonly HTMLButtonElement[] {
    const dismiss = (): void => {
      this.#dismiss();
    };
    if (warning.action === 'warn') return [button('OK', dismiss, { kind: 'primary' })];
    const aside = button('Keep working', dismiss, { kind: 'quiet' });
    if (warning.reason === 'idle') {
      return [button('I am here', () => this.#client.dismiss(), { kind: 'primary' }), aside];
    }
    const save = button('Save', () => void this.#saveAndGoOn(), { disabled: busy });
    return [this.#saveAndSignOut(busy), save, aside];
  }

  #saveAndSignOut(busy: boolean): HTMLButtonElement {
    return button('Save and sign out', () => void this.#client.saveAndEnd(), {
      kind: 'primary',
      disabled: busy,
    });
  }

  async #saveAndGoOn(): Promise<void> {
    const { saved } = await this.#client.saveNow();
    if (saved) this.#dismiss();
  }

  /** The person has read it and goes on. */
  #dismiss(): void {
    const warning = this.#warning;
    if (!warning) return;
    this.#aside = warning.orderId;
    if (warning.action === 'warn') this.#client.seen(warning.orderId).catch(() => undefined);
    this.#render();
  }

  #tick(): void {
    const warning = this.#warning;
    const leftMs = warning && this.#client.remainingMs(warning.orderId);
    if (!warning || leftMs === undefined || warning.action !== 'logoff') {
      say(this.#clock, '');
      return;
    }
    say(this.#clock, clockOf(leftMs));
    say(this.#barClock, clockOf(leftMs));
    say(this.#work, workText(warning, this.#dirty()));
    const step = STEPS_MS.find((ms) => leftMs > ms) ?? 0;
    if (this.#saidMs !== step) say(this.#spoken, `You will be logged off in ${wordsOf(leftMs)}.`);
    this.#saidMs = step;
  }
}
