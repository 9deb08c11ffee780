import type { AuditType } from '@lastcall/shared';
import { expect } from 'chai';
import type { Browser, Locator } from 'playwright-core';
import { freshTenant, TestBroker, type TestClient } from '../support/broker.js';
import { startBrowser } from '../support/browser.js';
import { ConsolePage, PICTURES } from '../support/console-page.js';
import { ApiClient } from '../support/http.js';
import { openOffice, type Person } from '../support/office.js';
import { waitUntil } from '../support/wait.js';

const NAMES = {
  overview: 'Overview',
  sessions: 'Sessions',
  orders: 'Orders',
  maintenance: 'Maintenance',
  locks: 'Locks',
  audit: 'Audit trail',
  policy: 'Policy',
  review: 'Review',
} as const;
const PAGES = Object.keys(NAMES) as (keyof typeof NAMES)[];

describe("the console's pages in a browser", function () {
  this.timeout(60_000);
  const tenant = PICTURES === undefined ? freshTenant() : 'northwind';
  let broker: TestBroker;
  let browser: Browser | undefined;
  let console: ConsolePage;
  let api: ApiClient;
  let office: Map<Person, TestClient>;

  before(async function () {
    browser = await startBrowser(this, "the console's pages");
    broker = await TestBroker.start();
    api = new ApiClient(broker.url, await broker.token(tenant, 'root', ['admin']));
    office = await openOffice(broker, tenant);
    const claims = { sub: 'root', name: 'Root', tenant, roles: ['admin'] };
    console = await ConsolePage.open(browser, broker.broker.consoleLink(broker.url, claims));
    await console.page.getByText('8 sessions').waitFor();
  });
  after(async () => {
    for (const { socket } of office?.values() ?? []) socket.disconnect();
    await browser?.close();
    await broker?.close();
  });

  const params = { tenant };
  const client = (person: Person): TestClient => office.get(person) as TestClient;
  const go = async (id: keyof typeof NAMES): Promise<void> => {
    const menu = console.page.getByRole('navigation', { name: 'Pages', exact: true });
    await menu.getByRole('link', { name: NAMES[id], exact: true }).click();
    await console.page.getByRole('heading', { level: 1, name: NAMES[id] }).waitFor();
  };
  const choose = async (field: Locator, option: string): Promise<void> => {
    await field.click();
    await console.page.getByRole('option', { name: option, exact: true }).click();
  };
  const recordOf = async (type: AuditType) => {
    const { items } = await broker.core.audit.list(tenant, { type }, { limit: 1 });
    return items[0];
  };

  it('[D7] orders are given to everybody, followed to the receipts, exported and cancelled', async () => {
    const { page } = console;
    await go('orders');
    await page.getByRole('button', { name: 'New order' }).click();
    await page.getByRole('menuitem', { name: 'Log everybody off …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Warn and log off' });
    await choose(dialog.getByRole('combobox', { name: 'Time to save' }), '15 min');
    await dialog.getByRole('button', { name: 'Log off 8 sessions' }).click();
    await client('dora').saw('warning');
    await page
      .getByRole('row', { name: /Logoff · administrator|logoff · administrator/ })
      .getByRole('link')
      .click();
    await page.getByRole('heading', { name: /logoff/i, level: 1 }).waitFor();
    await page.getByText(/14:\d\d left/).waitFor();
    await client('ada').does('order:ack', {
      orderId: client('ada').last('warning')?.orderId ?? '',
      state: 'saving',
    });
    const receipts = page.getByRole('table', { name: 'Receipts' });
    await receipts.getByRole('row', { name: /Ada Adebayo saving/ }).waitFor();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export CSV' }).click(),
    ]);
    expect(file.suggestedFilename()).to.match(/^receipts-.*\.csv$/);
    for (const scheme of ['light', 'dark']) {
      expect(await console.barriers(), scheme).to.deep.equal([]);
      await console.picture(`order-${scheme}-wide`);
      await page.getByRole('button', { name: 'Light or dark' }).click();
    }
    await page.getByRole('button', { name: 'Give more time …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Give more time' }).click();
    await client('dora').saw('warning:cancelled');
    await page.getByText(/(20|19):\d\d left/).waitFor();
    await page.getByRole('button', { name: 'Cancel the order' }).click();
    await page.locator('.lc-badge[data-state="cancelled"]').waitFor();
    await page.getByRole('link', { name: 'All orders' }).click();
    await page
      .getByRole('row', { name: /cancelled/ })
      .nth(1)
      .waitFor();
  });

  it('[D7] maintenance is planned after a look at whom it hits, followed, and lifted', async () => {
    const { page } = console;
    await go('maintenance');
    await page.getByRole('button', { name: 'Plan maintenance …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Plan maintenance' });
    await dialog.getByText('Ada Adebayo').waitFor();
    await dialog.getByText(/everybody is logged off/).waitFor();
    expect(await console.barriers()).to.deep.equal([]);
    await console.picture('plan-light-wide');
    await dialog.getByRole('button', { name: 'Plan it' }).click();
    await page.getByText(/Begins in (29|30):/).waitFor();
    const { body } = await api.call<{ state: string; startsAt: number }>('maintenance.get', { params });
    expect(body.state).to.equal('announcing');
    await page.getByRole('progressbar', { name: 'targeted' }).waitFor();
    await page.getByRole('button', { name: 'Change …' }).click();
    const change = page.getByRole('dialog', { name: 'Change the maintenance' });
    await change.getByRole('textbox', { name: 'Message' }).fill('The new year is opened.');
    await change.getByRole('button', { name: 'Change it' }).click();
    await page.getByText('The new year is opened.').waitFor();
    const after = await api.call<{ startsAt: number }>('maintenance.get', { params });
    expect(after.body.startsAt, 'nobody asked for another start').to.equal(body.startsAt);
    await page.getByRole('button', { name: 'Lift …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Lift it' }).click();
    await page.getByText('No maintenance is planned.').waitFor();
    expect((await api.call('maintenance.get', { params })).status).to.equal(404);
  });

  it('[D5] who is kept out is shown and let in again', async () => {
    const { page } = console;
    const blocked = { user: 'mallory', reason: 'left the company' };
    await api.does('blocks.set', { params, body: blocked });
    await go('sessions');
    await page.getByRole('button', { name: 'Kept out …' }).click();
    const side = page.getByRole('dialog', { name: 'Kept out' });
    await side.getByText(/left the company/).waitFor();
    expect(await console.barriers()).to.deep.equal([]);
    await side.getByRole('button', { name: 'Let in again' }).click();
    await side.getByText('Nobody is kept out.').waitFor();
    await page.keyboard.press('Escape');
  });

  it('[D8] locks are shown with holder and queue, and broken with a reason', async () => {
    const { page } = console;
    await go('locks');
    const table = page.getByRole('table', { name: 'Locks' });
    const row = table.getByRole('row', { name: /invoices\/2026\/1042 Ada Adebayo.*1 waits: Ben Ortiz/ });
    await row.waitFor();
    await page.getByRole('textbox', { name: 'Record begins with' }).fill('salaries');
    await row.waitFor({ state: 'hidden' });
    await table.getByRole('link', { name: 'salaries/2026/11' }).click();
    const side = page.getByRole('dialog', { name: 'salaries/2026/11' });
    await side.getByText('Nobody waits for it.').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('textbox', { name: 'Record begins with' }).fill('invoices');
    await row.getByRole('button', { name: 'Break …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Break a lock' });
    await dialog.getByText('Ada Adebayo may lose unsaved work').waitFor();
    await dialog.getByText('Ben Ortiz gets it next.').waitFor();
    expect(await dialog.getByRole('button', { name: 'Break the lock' }).isDisabled()).to.equal(true);
    await dialog.getByRole('textbox', { name: 'Reason' }).fill('Ada is at lunch');
    await dialog.getByRole('button', { name: 'Break the lock' }).click();
    await client('ada').saw('lock:lost');
    await table.getByRole('row', { name: /invoices\/2026\/1042 Ben Ortiz/ }).waitFor();
    expect(await recordOf('lock.broken')).to.deep.include({ reason: 'Ada is at lunch' });
  });

  it('[D8] the trail is searched, followed as it is written, and exported', async () => {
    const { page } = console;
    await go('audit');
    const table = page.getByRole('table', { name: 'Audit trail' });
    await choose(page.getByRole('combobox', { name: 'Kind' }), 'Lock broken');
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await waitUntil(
      async () => (await table.getByRole('row').count()) === 2,
      'one record under the headings',
    );
    await table.getByRole('button', { name: 'Lock broken' }).click();
    await page.getByRole('dialog', { name: 'Lock broken' }).getByText('Ada is at lunch').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Show everything' }).click();
    await client('fay').acquire('reports/q3');
    await table.getByRole('row', { name: /Lock granted Fay Okafor.*reports\/q3/ }).waitFor();
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: /CSV/ }).click(),
    ]);
    expect(file.suggestedFilename()).to.equal(`audit-${tenant}.csv`);
    await page.getByRole('button', { name: 'Check the archive' }).click();
    await page.getByText(/The archive is (whole|not what)/).waitFor();
  });

  it('[D9] policy is explained as it is typed, compared before it is saved, and reaches people at once', async () => {
    const { page } = console;
    await go('policy');
    const logoff = page.getByRole('textbox', { name: 'Logged off when idle for' });
    await logoff.fill('20');
    await page.getByText('People idle for 20 min are logged off; they are warned after 18 min.').waitFor();
    await logoff.fill('1');
    await page.getByText(/must be 0, or more than idleWarnMs/).waitFor();
    expect(await page.getByRole('button', { name: 'Save …' }).isDisabled()).to.equal(true);
    await logoff.fill('20');
    // Somebody else is faster.
    await broker.policy(tenant, { graceMs: 90_000 });
    await page.getByRole('alert').getByText('Somebody else has changed the policy meanwhile').waitFor();
    await page.getByRole('button', { name: /Go on with both/ }).click();
    await page.getByText('1 change not saved').waitFor();
    await go('review');
    await go('policy');
    await page.getByRole('button', { name: 'Save …' }).click();
    const dialog = page.getByRole('dialog', { name: 'What changes' });
    await dialog.getByRole('row', { name: /Logged off when idle for 30 min 20 min/ }).waitFor();
    expect(await dialog.getByRole('row').count()).to.equal(2);
    await dialog.getByRole('button', { name: 'Save the policy' }).click();
    await page.getByText('version 2').waitFor();
    await client('hana').saw('policy', ({ idleLogoffMs }) => idleLogoffMs === 1_200_000);
    const { body } = await api.call<{ graceMs: number }>('policy.get', { params });
    expect(body.graceMs, "the other one's change").to.equal(90_000);
    await page.getByText('Logged off when idle for: 30 min → 20 min').waitFor();
    expect(await recordOf('policy.changed')).to.deep.include({
      by: { kind: 'admin', id: 'root', name: 'Root' },
    });
  });

  it('[D9] the review is a sheet to print and sign', async () => {
    const { page } = console;
    await go('review');
    await page.getByRole('heading', { name: 'Held for longest' }).waitFor();
    await page.getByRole('row', { name: /salaries\/2026\/11 Gus Peeters/ }).waitFor();
    await page.emulateMedia({ media: 'print' });
    expect(await page.getByRole('button', { name: 'Print' }).isVisible()).to.equal(false);
    expect(await page.getByText('Signature').isVisible()).to.equal(true);
    await page.emulateMedia({ media: 'screen' });
  });

  it('[D10] the overview shows who is in, what runs and how the brokers are', async () => {
    const { page } = console;
    await go('overview');
    await page
      .getByRole('region', { name: 'Sessions', exact: true })
      .getByText('8', { exact: true })
      .waitFor();
    await page.getByRole('region', { name: 'Locks held' }).getByText('by 4 sessions').waitFor();
    await page.getByRole('img', { name: /^8 now, 8 at most/ }).waitFor();
    await page
      .getByRole('region', { name: 'Waiting for locks' })
      .getByText('Half waited less than')
      .waitFor();
    client('hana').socket.emit('session:end', {});
    await page.getByRole('region', { name: 'Sessions ended, by reason' }).getByText('signed out').waitFor();
    await page.getByRole('region', { name: 'Health' }).getByText('Redis takes writes.').waitFor();
    await page.getByRole('table', { name: 'Brokers' }).getByRole('row').nth(1).waitFor();
  });

  it('[D10] what is under way is on the overview, too', async () => {
    const window = { message: 'The new year is opened.', startsInMs: 1_800_000, ladderMs: [60_000] };
    await api.does('maintenance.set', { params, body: window });
    const order = {
      action: 'logoff',
      target: { apps: ['Payroll', 'Stock'] },
      reason: 'admin',
      graceMs: 600_000,
    };
    await api.does('orders.create', { params, body: { ...order, message: 'Payroll is closed at noon.' } });
    void client('ada').acquire('invoices/2026/1042', 60_000);
    await console.page.getByRole('region', { name: 'One order under way' }).waitFor();
    await console.page
      .getByRole('region', { name: 'Maintenance' })
      .getByText(/^(29|30):/)
      .waitFor();
  });

  for (const id of PAGES) {
    it(`[D6] ${id} is without barriers in light and dark, and no wider than a narrow window`, async () => {
      const { page } = console;
      await go(id);
      await page.waitForLoadState('networkidle');
      for (const scheme of ['light', 'dark']) {
        expect(await console.barriers(), scheme).to.deep.equal([]);
        await console.picture(`${id}-${scheme}-wide`);
        await page.setViewportSize({ width: 390, height: 844 });
        expect(await console.wide(), `narrow, ${scheme}`).to.deep.equal([]);
        await console.picture(`${id}-${scheme}-narrow`);
        await page.setViewportSize({ width: 1_280, height: 800 });
        await page.getByRole('button', { name: 'Light or dark' }).click();
      }
    });
  }

  it('[D2] asks nobody but its broker, and complains of nothing', () => {
    expect(console.strangers(broker.url)).to.deep.equal([]);
    expect(console.complaints).to.deep.equal([]);
  });
});
