import type { Order, OrderAction, OrderRequest } from '@lastcall/shared';
import { button, byId, el, fill, say } from '../dom.js';
import { header } from '../header.js';
import { ADMINISTRATOR } from '../people.js';
import { toast } from '../toast.js';
import { AdminApi } from './api.js';
import { Compose } from './compose.js';
import { OrderCard } from './order.js';
import { SessionTable } from './sessions.js';

const POLL_MS = 1_000;

/** The administrator's page: who is there, warn, log off, and the proof that they are gone. */
class AdminPage {
  readonly element: HTMLElement;
  readonly #api = new AdminApi();
  readonly #compose = new Compose((action) => void this.#give(action, { all: true }));
  readonly #sessions = new SessionTable({
    warn: ({ id }) => void this.#give('warn', { sessions: [id] }),
    logOff: ({ id }) => void this.#give('logoff', { sessions: [id] }),
  });
  readonly #card = new OrderCard(() => void this.#cancel());
  readonly #trouble = el('p', { class: 'trouble', role: 'status' });
  #order: Order | undefined;
  /** When the order's deadline is, on this page's monotonic clock. */
  #deadline = 0;

  constructor() {
    this.element = el(
      'main',
      { class: 'admin' },
      el('h1', {}, 'Who is working now'),
      this.#trouble,
      el('section', { class: 'card', 'aria-label': 'Sessions' }, this.#sessions.element),
      el('h2', {}, 'Warn or log off'),
      this.#compose.element,
      this.#card.element,
    );
  }

  /** Looks each second until the administrator signs out. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look();
      await new Promise((resolve) => {
        setTimeout(resolve, POLL_MS);
      });
    }
  }

  async #look(): Promise<void> {
    try {
      this.#sessions.show(await this.#api.sessions());
      await this.#follow();
      say(this.#trouble, '');
    } catch (error) {
      say(this.#trouble, `${messageOf(error)} Trying again …`);
    }
  }

  async #follow(): Promise<void> {
    const given = this.#order;
    if (!given) return;
    const [order, receipts] = await Promise.all([this.#api.order(given.id), this.#api.receipts(given.id)]);
    if (this.#order?.id !== given.id) return;
    this.#order = order;
    this.#card.show(order, receipts, this.#deadline - performance.now());
  }

  async #give(action: OrderAction, target: OrderRequest['target']): Promise<void> {
    try {
      const order = await this.#api.give(this.#compose.request(action, target));
      this.#order = order;
      this.#deadline = performance.now() + order.deadlineAt - order.createdAt;
      await this.#look();
    } catch (error) {
      toast(messageOf(error));
    }
  }

  async #cancel(): Promise<void> {
    try {
      if (this.#order) await this.#api.cancel(this.#order.id);
      await this.#look();
    } catch (error) {
      toast(messageOf(error));
    }
  }
}

function messageOf(error: unknown): string {
  // What `fetch` itself throws is no sentence for people.
  if (error instanceof TypeError || error instanceof DOMException) return 'The broker cannot be reached.';
  return error instanceof Error ? error.message : 'Something went wrong.';
}

const root = byId('app');

function signedIn(): void {
  const page = new AdminPage();
  const ended = new AbortController();
  const signOut = (): void => {
    ended.abort();
    signedOut();
  };
  fill(root, header(undefined, ADMINISTRATOR, signOut), page.element);
  void page.run(ended.signal);
}

function signedOut(): void {
  fill(
    root,
    header(undefined),
    el(
      'main',
      { class: 'narrow' },
      el('h1', {}, 'Administrator'),
      el(
        'p',
        { class: 'lead' },
        'See who is working, warn them, log them off, and see the proof that they are gone.',
      ),
      button('Sign in as the administrator', signedIn, { kind: 'primary', id: 'sign-in' }),
    ),
  );
}

signedOut();
