import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { AS_PEOPLE_HAVE_IT, BackgroundTabs } from '../support/background-tabs.js';
import { administrator, freshTenant, TestBroker } from '../support/broker.js';
import { startBrowser } from '../support/browser.js';
import { LATE_MS } from '../support/orders.js';
import { SdkPages, type SdkPageWindow } from '../support/sdk-page.js';
import { waitUntil } from '../support/wait.js';

/** Longer by `npm run test:hidden`, with beats and leases as they are by default. */
const HIDDEN_MS = Number(process.env['HIDDEN_MS'] ?? 4_000);
const IS_LONG = HIDDEN_MS > 60_000;
const QUICK = { beatMs: 1_000, leaseMs: 3_000, idleLogoffMs: 0 } as const;
const TYPED = 'Thirty days from today.';
const TABS = 5;
/** Within this a process that runs has answered, on a busy machine, too. */
const SILENT_MS = 500;

declare const window: SdkPageWindow;

describe('[K17] the SDK in a browser', function () {
  this.timeout(HIDDEN_MS + 60_000);
  let browser: Browser | undefined;
  let broker: TestBroker;
  let pages: SdkPages;
  const results = new Map<() => Promise<void>, Promise<void>>();

  before(async function () {
    browser = await startBrowser(this, 'tabs that are hidden, stopped, left and many', AS_PEOPLE_HAVE_IT);
    pages = await SdkPages.start();
    const origins = `${pages.origin()},${pages.origin('localhost')}`;
    broker = await TestBroker.start({ env: { ALLOWED_ORIGINS: origins } });
    // They mostly wait, and do so together.
    const begin = (run: () => Promise<void>, result = run()): void => {
      result.catch(() => undefined);
      results.set(run, result);
    };
    const isStopped = new Promise<void>((resolve) => {
      begin(stopped, stopped(resolve));
    });
    // Which process is a page's is seen by what it uses, so that others begin later.
    await Promise.race([isStopped, results.get(stopped)]);
    begin(hidden);
    begin(many);
  });
  after(async () => {
    await browser?.close();
    await broker?.close();
    await pages?.stop();
  });
  async function addressOf(tenant: string, sub: string, host?: 'localhost'): Promise<string> {
    const settings = { url: broker.url, token: await broker.token(tenant, sub) };
    return `${pages.origin(host)}/#${encodeURIComponent(JSON.stringify(settings))}`;
  }

  /** Pages of one browser profile. */
  async function profile(): Promise<BrowserContext> {
    if (!browser) throw new Error('There is no browser');
    return await browser.newContext();
  }

  async function open(context: BrowserContext, address: string): Promise<Page> {
    const page = await context.newPage();
    await page.goto(address);
    await online(page);
    return page;
  }

  /** Also while the page is still loading. */
  const online = (page: Page) => page.waitForFunction("window.client?.getSnapshot().status === 'online'");
  const sessionOf = (page: Page) => page.evaluate(() => window.client.getSnapshot().session?.id ?? '');
  const statusOf = (page: Page) => page.evaluate(() => window.client.getSnapshot().status);

  /** Stops the process of a page, which gets busy when the page does and answers nothing once it is stopped. */
  async function stopRenderer(page: Page): Promise<number> {
    const session = await browser?.newBrowserCDPSession();
    const times = async () => {
      const { processInfo = [] } = (await session?.send('SystemInfo.getProcessInfo')) ?? {};
      return new Map(
        processInfo.flatMap(({ type, id, cpuTime }) => (type === 'renderer' ? [[id, cpuTime]] : [])),
      );
    };
    const before = await times();
    await page.evaluate(() => {
      const until = performance.now() + 200;
      while (performance.now() < until);
    });
    const used = [...(await times())].map(([id, time]) => [id, time - (before.get(id) ?? 0)] as const);
    for (const [id] of used.toSorted((a, b) => b[1] - a[1])) {
      process.kill(id, 'SIGSTOP');
      const answered = page.evaluate(() => true);
      answered.catch(() => undefined);
      if (!(await Promise.race([answered, delay(SILENT_MS, false)]))) return id;
      process.kill(id, 'SIGCONT');
    }
    throw new Error('The page has no process');
  }

  async function typeInEditor(page: Page): Promise<void> {
    await page.evaluate(() => window.edit());
    await page.getByLabel('Note').focus();
    await page.keyboard.type(TYPED);
  }

  const logoffOf = (tenant: string, graceMs: number) =>
    broker.core.orders.create(administrator(tenant), tenant, {
      action: 'logoff',
      target: { users: ['ada'] },
      message: 'Good night.',
      reason: 'admin',
      graceMs,
      holdMs: 0,
    });

  it(`keeps a hidden tab alive for ${HIDDEN_MS} ms of beats, and warns it within a second`, () =>
    results.get(hidden));

  async function hidden(): Promise<void> {
    if (!browser) return;
    const tenant = freshTenant();
    if (!IS_LONG) await broker.policy(tenant, QUICK);
    const tabs = await BackgroundTabs.of(browser);
    const inTab = await tabs.open(await addressOf(tenant, 'ada'));
    const status = () => inTab<string>('window.client?.getSnapshot().status');
    await waitUntil(async () => (await status()) === 'online', 'the session');
    const id = await inTab<string>('client.getSnapshot().session.id');
    await inTab(
      "void client.subscribe(() => { const { status } = client.getSnapshot(); if (status !== 'online') window.away = status; })",
    );
    await tabs.open('about:blank');
    await waitUntil(
      async () => (await inTab('document.visibilityState')) === 'hidden',
      'the tab to be hidden',
    );
    const hiddenAt = performance.now();
    await waitUntil(() => performance.now() - hiddenAt > HIDDEN_MS, 'the time to pass', HIDDEN_MS + 1_000);
    // The session was never away: not ended, not even reconnecting.
    expect(await inTab('window.away ?? "never"')).to.equal('never');
    expect((await broker.core.sessions.get(tenant, id)).state).to.be.oneOf(['active', 'idle']);

    const orderedAt = Date.now();
    await logoffOf(tenant, 60_000);
    await waitUntil(async () => (await inTab<number>('window.warned')) === 1, 'the warning');
    expect((await inTab<number>('window.warnedAt')) - orderedAt).to.be.below(LATE_MS);
    await tabs.close();
  }

  it('[K16] lets a page that was stopped for longer than its lease save nothing, and keeps its text', () =>
    results.get(stopped));

  async function stopped(isStopped = (): void => undefined): Promise<void> {
    const tenant = freshTenant();
    await broker.policy(tenant, QUICK);
    const page = await open(await profile(), await addressOf(tenant, 'ada', 'localhost'));
    const id = await sessionOf(page);
    await typeInEditor(page);
    const renderer = await stopRenderer(page);
    isStopped();
    try {
      const ended = async () => (await broker.core.sessions.get(tenant, id)).state === 'ended';
      await waitUntil(ended, 'the lease to run out', 10_000);
    } finally {
      process.kill(renderer, 'SIGCONT');
    }
    await page.waitForFunction(() => window.client.getSnapshot().status === 'ended');
    const states = await page.evaluate(() => window.states);
    const gap = states.findIndex(({ at }, index) => at - (states[index - 1]?.at ?? at) > 1_500);
    expect(gap).to.be.above(0);
    expect([...new Set(states.slice(0, gap).map(({ state }) => state))]).to.deep.equal(['held']);
    expect([...new Set(states.slice(gap).map(({ state }) => state))]).to.deep.equal(['lost']);
    expect(pages.saved).to.deep.equal([]);

    await page.evaluate(() => window.client.connect());
    await page.waitForFunction(() => window.offers.length === 1);
    expect(await page.evaluate(() => window.offers[0]?.text)).to.equal(TYPED);
  }

  it('[K16] offers the draft of a page that was closed while it was written, sealed, to that person alone', async () => {
    const tenant = freshTenant();
    const context = await profile();
    const page = await open(context, await addressOf(tenant, 'ada'));
    await typeInEditor(page);
    await page.waitForFunction(async () => (await window.kept()).length > 0);
    const lying = await page.evaluate(() => window.kept());
    expect(lying.join()).to.not.include(TYPED).and.not.include('invoices/7');
    // Its editor is open: it is offered to nobody else.
    const beside = await open(context, await addressOf(tenant, 'ada'));
    expect(await beside.evaluate(() => window.drafts.offered())).to.deep.equal([]);
    await page.close({ runBeforeUnload: false });

    const other = await open(context, await addressOf(tenant, 'grace'));
    expect(await other.evaluate(() => window.drafts.offered())).to.deep.equal([]);
    const again = await open(context, await addressOf(tenant, 'ada'));
    await again.waitForFunction(() => window.offers.length === 1);
    const [draft] = await again.evaluate(() => window.offers);
    expect(draft).to.include({ resource: 'invoices/7', text: TYPED });
    await again.evaluate((one) => window.drafts.drop(one), draft?.id ?? '');
    expect(await again.evaluate(() => window.drafts.offered())).to.deep.equal([]);
    expect(await again.evaluate(() => window.keyCanBeRead())).to.equal(false);
  });

  it('gives a duplicated tab its own session, and resumes that of a tab which was left', async () => {
    const tenant = freshTenant();
    const context = await profile();
    const address = await addressOf(tenant, 'ada');
    const page = await open(context, address);
    const id = await sessionOf(page);
    const opened = context.waitForEvent('page');
    await page.evaluate((url) => window.open(url), address);
    const copy = await opened;
    await online(copy);
    expect(await sessionOf(copy)).to.not.equal(id);
    expect([await statusOf(page), await sessionOf(page)]).to.deep.equal(['online', id]);

    await page.goto('about:blank');
    await page.goBack();
    await online(page);
    expect(await sessionOf(page)).to.equal(id);
    await context.setOffline(true);
    await page.waitForFunction(() => window.client.getSnapshot().status === 'reconnecting');
    await context.setOffline(false);
    await online(page);
    expect(await sessionOf(page)).to.equal(id);
  });

  it(`shares input and dismissals among ${TABS} tabs of one person, and ends them all at once`, () =>
    results.get(many));

  async function many(): Promise<void> {
    const tenant = freshTenant();
    const idle = {
      idleScope: 'session',
      idleAfterMs: 1_000,
      idleLogoffMs: 5_000,
      idleWarnMs: 3_000,
    } as const;
    await broker.policy(tenant, { ...QUICK, ...idle });
    const context = await profile();
    const address = await addressOf(tenant, 'ada');
    const tabs = await Promise.all(Array.from({ length: TABS }, () => open(context, address)));
    const each = <T>(look: () => T) => Promise.all(tabs.map((tab) => tab.evaluate(look)));
    const warned = () => each(() => window.warned);
    const all = (what: string, is: (tab: Page) => Promise<boolean>, withinMs?: number) =>
      waitUntil(async () => (await Promise.all(tabs.map(is))).every(Boolean), what, withinMs);
    const isWarned = (tab: Page) => tab.evaluate(() => window.client.getSnapshot().warnings.length === 1);

    await all('the warning in all', isWarned);
    await tabs[2]?.evaluate(() => window.client.dismiss());
    await all('one dismissal to clear all', async (tab) => !(await isWarned(tab)), LATE_MS);
    const before = await warned();
    const dismissedAt = performance.now();
    while (performance.now() - dismissedAt < idle.idleLogoffMs - idle.idleWarnMs + 500) {
      await tabs[0]?.keyboard.press('Shift');
      await tabs[0]?.waitForTimeout(300);
    }
    expect(await warned()).to.deep.equal(before);

    await logoffOf(tenant, 0);
    const isOver = async (tab: Page) => (await statusOf(tab)) === 'ended';
    await all('the end of all', isOver, LATE_MS);
  }
});
