import { mkdirSync } from 'node:fs';
import { run } from 'lastcall/internal/cli/main.js';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { complaintsOf, startBrowser } from './browser.js';
import { fakeTerminal } from './fake-terminal.js';
import { Serve } from './serve.js';

/** Pictures for the documents are taken when this names a folder. */
const PICTURES = process.env['PICTURES'];
/** By design, where a test takes the time or the lock away: the draft is there. */
const NOT_SAVED = 'A save handler failed';
const LIMIT_MS = 15_000;

/** The demo as `npm start` serves it, in windows of one browser: they share the records, each has its own session. */
export class Demo {
  readonly serve: Serve;
  readonly windows: BrowserContext;
  readonly #browser: Browser;
  readonly #complaints: string[][] = [];

  private constructor(serve: Serve, browser: Browser, windows: BrowserContext) {
    this.serve = serve;
    this.#browser = browser;
    this.windows = windows;
  }

  /** @param policy what is not as it is by default */
  static async start(suite: Mocha.Context, policy: readonly string[]): Promise<Demo> {
    const [browser, serve] = await Promise.all([
      startBrowser(suite, 'the demo in two windows and the administrator’s page'),
      Serve.start(),
    ]);
    const windows = await browser.newContext({ viewport: { width: 1_000, height: 760 } });
    windows.setDefaultTimeout(LIMIT_MS);
    await windows.grantPermissions(['clipboard-read', 'clipboard-write']);
    const demo = new Demo(serve, browser, windows);
    const { code } = await demo.command('policy', 'set', ...policy);
    if (code !== 0) throw new Error('The settings are refused.');
    return demo;
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await this.serve.stop();
  }

  /** What the pages complained of since the last time – but not that work became a draft. */
  complaints(): readonly string[] {
    return this.#complaints.flatMap((one) => one.splice(0)).filter((text) => !text.includes(NOT_SAVED));
  }

  async command(...args: string[]): Promise<{ readonly code: number; readonly out: string }> {
    const terminal = fakeTerminal({ LASTCALL_URL: this.serve.url, LASTCALL_TOKEN: this.serve.token });
    return { code: await run(args, terminal), out: terminal.out() };
  }

  async sessionsOf(user: string): Promise<readonly string[]> {
    const { out } = await this.command('sessions', '--user', user, '--json');
    return (JSON.parse(out) as { items: { id: string }[] }).items.map(({ id }) => id);
  }

  async open(path: string): Promise<Page> {
    const page = await this.windows.newPage();
    this.#complaints.push(complaintsOf(page));
    await page.goto(`${this.serve.url}/demo/${path}`);
    return page;
  }

  /** A window of the office in which somebody has signed in. */
  async office(user: string): Promise<Page> {
    const page = await this.open(`?as=${user}`);
    await page.getByText('Online').waitFor();
    return page;
  }

  async administrator(): Promise<Page> {
    return await this.open('admin.html?as=admin');
  }

  async picture(page: Page, name: string): Promise<void> {
    if (PICTURES === undefined) return;
    mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: `${PICTURES}/${name}.png`, animations: 'disabled' });
  }
}

/** The row of a record in a list. */
export const item = (page: Page, resource: string): Locator => page.locator(`[data-resource="${resource}"]`);
export const note = (page: Page): Locator => page.getByLabel('Note');
/** With the keyboard, which windows that are not in front hear as quickly as the one that is. */
export const press = (page: Page, name: string): Promise<void> =>
  page.getByRole('button', { name, exact: true }).press('Enter');
export const open = (page: Page, resource: string): Promise<void> => item(page, resource).press('Enter');
/** What stands above the open record. */
export const notice = (page: Page, text: string): Promise<void> =>
  page.locator('lastcall-editing').getByText(text).waitFor();
/** Asks its holder for the record that is open. */
export async function ask(page: Page): Promise<void> {
  await press(page, 'Ask for it');
  await page.getByRole('dialog').getByRole('button', { name: /^Ask/ }).press('Enter');
}

/** What is said in passing. */
export const toast = (page: Page, text: string): Promise<void> =>
  page.locator('#toasts').getByText(text).first().waitFor();

export async function part(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation').getByRole('button', { name }).press('Enter');
}

/** Opens a record that nobody has, and types. */
export async function edit(page: Page, resource: string, text?: string): Promise<void> {
  await open(page, resource);
  await page.locator(`[data-resource="${resource}"][aria-current]`).waitFor();
  await notice(page, 'You are editing');
  if (text !== undefined) await note(page).fill(text);
}

/** The note as the record was saved. */
export const saved = (page: Page, resource: string): Promise<string | undefined> =>
  page.evaluate(
    (key) => (JSON.parse(localStorage.getItem(key) ?? '{}') as { values?: { note?: string } }).values?.note,
    `lastcall-demo:${resource}`,
  );

export const focused = (page: Page): Promise<string | undefined> =>
  page.evaluate(() => document.activeElement?.tagName);

/** Nothing of the page but the dialog can have the focus; between its end and its beginning lies the browser itself. */
export const focusIsTrapped = (page: Page): Promise<boolean> =>
  page.evaluate(
    () =>
      document.activeElement === document.body ||
      document.activeElement?.closest('lastcall-warning') !== null,
  );

export const overflowOf = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
