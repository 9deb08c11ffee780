import type { LockHolder, WarningPush, WireError } from '@lastcall/shared';
import type { Browser, BrowserContext, JSHandle, Locator, Page } from 'playwright-core';
import { complaintsOf } from './browser.js';
import { ElementsPage, type ElementsWindow } from './elements-page.js';
import { FakeBroker, lockOn, logoffWarning } from './fake-broker.js';
import { waitUntil } from './wait.js';

/** What the page's editor writes. */
export const RECORD = 'invoices/7';
export const MESSAGE = 'Year-end closing at noon. Please finish what you are doing.';
/** A window in which every state is seen whole. */
export const WINDOW = { width: 760, height: 600 };
const GRACE = { kind: 'user', id: 'grace', name: 'Grace Hopper' } as const;

declare const window: ElementsWindow;

/** A page with the elements, and a broker that does to it what the test says. */
export class ElementsStage {
  readonly broker: FakeBroker;
  /** Languages that pages have loaded. */
  readonly loaded: string[] = [];
  readonly #pages: ElementsPage;
  readonly #context: BrowserContext;
  readonly #complaints: string[][] = [];
  #page: Page | undefined;
  /** That of the latest lock. */
  #fence = 0;

  private constructor(broker: FakeBroker, pages: ElementsPage, context: BrowserContext) {
    this.broker = broker;
    this.#pages = pages;
    this.#context = context;
  }

  static async start(browser: Browser): Promise<ElementsStage> {
    const broker = await FakeBroker.start();
    broker.welcome = { beatMs: 3_600_000, leaseMs: 10_800_000 };
    const context = await browser.newContext({ viewport: WINDOW, colorScheme: 'light' });
    context.setDefaultTimeout(10_000);
    return new ElementsStage(broker, await ElementsPage.start(), context);
  }

  get page(): Page {
    if (!this.#page) throw new Error('No page is open');
    return this.#page;
  }

  /** Goes on with another page; its clock can be put forward. */
  async open(options: object = {}): Promise<void> {
    await this.#page?.close();
    const page = await this.#context.newPage();
    this.#page = page;
    page.on('request', (request) => {
      const [, language] = /lastcall\.(\w\w)\.min\.js$/.exec(request.url()) ?? [];
      if (language) this.loaded.push(language);
    });
    this.#complaints.push(complaintsOf(page));
    await page.clock.install();
    await page.goto(this.#pages.address({ url: this.broker.url, options }));
    await page.evaluate(() => window.banner.ready);
    const isOnline = () => page.evaluate(() => window.client.getSnapshot().status === 'online');
    await waitUntil(isOnline, 'the session');
  }

  /** What browsers complain of, as of something inline, evaluated, or text that becomes HTML; the SDK's own warnings aside. */
  complaints(): readonly string[] {
    return this.#complaints.flatMap((list) => list.splice(0)).filter((one) => !one.startsWith('lastcall:'));
  }

  async stop(): Promise<void> {
    await this.#context.close();
    await this.broker.stop();
    await this.#pages.stop();
  }

  dialog(name: string | RegExp, role: 'dialog' | 'alertdialog' = 'alertdialog'): Locator {
    return this.page.getByRole(role, { name });
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  get note(): Locator {
    return this.page.getByLabel('Note');
  }

  get badge(): Locator {
    return this.page.locator(`lastcall-editing[resource="${RECORD}"]`);
  }

  warn(orderId: string, changes: Partial<WarningPush> = {}): void {
    this.broker.push('warning', logoffWarning({ orderId, message: MESSAGE, ...changes }));
  }

  withdraw(orderId: string): void {
    this.broker.push('warning:cancelled', { orderId });
  }

  /** Has the page edit its record. */
  async edit(): Promise<void> {
    this.#fence += 1;
    const lock = lockOn(RECORD, this.#fence);
    this.broker.answer('lock:acquire', () => ({ state: 'granted', lock }));
    await this.badge.getByRole('button', { name: 'Edit' }).click();
    await this.badge.getByText('You are editing').waitFor();
  }

  release(): Promise<void> {
    return this.page.evaluate(() => window.editing().record?.release());
  }

  /** Somebody else has the record. */
  hold(takeable: LockHolder['takeable'] = 'ask'): readonly LockHolder[] {
    const holder: LockHolder = {
      resource: RECORD,
      mode: 'exclusive',
      scope: 'record',
      sessionId: 'other',
      user: GRACE,
      grantedAt: 1,
      idleMs: 0,
      dirty: false,
      state: 'active',
      takeable,
    };
    this.broker.push('lock:changed', { resource: RECORD, holders: [holder], waiters: [] });
    return [holder];
  }

  /** Takes the record by force, trying these words for a reason one after the other, and is refused. */
  async force(error: WireError, ...reasons: readonly string[]): Promise<void> {
    this.hold('force');
    await this.badge.getByRole('button', { name: 'Take it over' }).click();
    const dialog = this.dialog('Take invoice 7 from Grace Hopper?', 'dialog');
    for (const reason of reasons) {
      await dialog.getByRole('textbox', { name: 'Why', exact: true }).fill(reason);
      await this.press('Enter');
    }
    await dialog.waitFor({ state: 'hidden' });
    this.broker.push('lock:denied', {
      requestId: this.broker.said('lock:takeover').at(-1)?.requestId,
      error,
    });
    this.hold();
  }

  /** Somebody asks for the record. */
  askFor(requestId: string): void {
    const reason = 'The customer is on the phone.';
    this.broker.push('lock:requested', {
      requestId,
      resource: RECORD,
      by: GRACE,
      deadlineMs: 30_000,
      reason,
    });
  }

  /** The record passes to who asked. */
  take(): void {
    this.broker.push('lock:lost', {
      resource: RECORD,
      fence: this.#fence,
      reason: 'takeover',
      by: GRACE,
    });
  }

  end(changes: object = {}): void {
    const by = { kind: 'admin', name: 'Root' };
    this.broker.push('logoff', { reason: 'admin', by, message: MESSAGE, ...changes });
  }

  /** Whether the page's saves fail from now on. */
  fail(failing: boolean): Promise<void> {
    return this.page.evaluate((is) => {
      window.failing = is;
    }, failing);
  }

  press(key: string): Promise<void> {
    return this.page.keyboard.press(key);
  }

  /** What has the focus, inside the elements too: its text or its kind. */
  focused(): Promise<string | undefined> {
    return this.page.evaluate(() => {
      let element = document.activeElement;
      while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
      return element === document.body ? 'BODY' : element?.textContent || element?.tagName;
    });
  }

  /** What an element reads out from now on, to whoever listens. */
  hear(element: string): Promise<JSHandle<readonly string[]>> {
    return this.page.evaluateHandle((name) => {
      const texts: string[] = [];
      const hear = ({ target }: MutationRecord): void => {
        if (target instanceof HTMLElement && target.part.contains('voice')) texts.push(target.innerText);
      };
      const root = document.querySelector(name)?.shadowRoot;
      if (root)
        new MutationObserver((changes) => {
          changes.forEach(hear);
        }).observe(root, { subtree: true, childList: true });
      return texts;
    }, element);
  }
}
