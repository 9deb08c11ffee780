import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { freshTenant, TestBroker, type TestClient } from '../support/broker.js';
import { startBrowser } from '../support/browser.js';
import { ConsolePage } from '../support/console-page.js';
import { waitUntil } from '../support/wait.js';

const SESSIONS = 1_000;
const AT_ONCE = 20;

describe('the console in a browser', function () {
  this.timeout(60_000);
  const tenant = freshTenant();
  const other = freshTenant();
  let broker: TestBroker;
  let browser: Browser | undefined;
  let console: ConsolePage;
  let clients: TestClient[] = [];
  const claims = { sub: 'root', name: 'Root', tenant, roles: ['admin'] };

  before(async function () {
    browser = await startBrowser(this, 'the console');
    broker = await TestBroker.start();
    // The page is open while they come.
    const link = broker.broker.consoleLink(broker.url, claims);
    [clients, console] = await Promise.all([crowd(), ConsolePage.open(browser, link)]);
  });
  after(async () => {
    await browser?.close();
    await broker?.close();
  });

  async function crowd(): Promise<TestClient[]> {
    const connected: TestClient[] = [];
    for (let from = 0; from < SESSIONS; from += AT_ONCE) {
      const some = Array.from({ length: AT_ONCE }, (_, index) => {
        const app = { name: (from + index) % 2 === 0 ? 'Ledger' : 'Stock' };
        return broker.connect(tenant, `u${String(from + index).padStart(4, '0')}`, { auth: { app } });
      });
      connected.push(...(await Promise.all(some)));
    }
    return connected;
  }

  const kept = () =>
    console.page.evaluate(() => ({
      local: JSON.stringify(Object.entries(localStorage)),
      hash: location.hash,
    }));

  it('[D1] signs in by a link that works once, and leaves the token in the tab alone', async () => {
    const { page } = console;
    await page.getByText('1,000 sessions').waitFor();
    const first = broker.broker.consoleLink(broker.url, claims);
    const code = first.slice(first.indexOf('=') + 1);
    const exchange = (headers: Record<string, string> = {}) =>
      fetch(`${broker.url}/console/code`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify({ code }),
      });
    expect((await exchange({ Origin: 'https://evil.example' })).status).to.equal(403);
    const { token } = (await (await exchange()).json()) as { token: string };
    expect(token).to.match(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    expect((await exchange()).status).to.equal(401);
    const { local, hash } = await kept();
    expect(hash).not.to.include('code');
    expect(local).not.to.match(/[\w-]{20,}\.[\w-]{20,}\./);
    const addresses = [...console.requests.map((request) => request.url()), ...console.sockets].join('\n');
    expect(addresses).not.to.match(/eyJ|code=/);
  });

  it('[D2] runs only what carries the nonce of its answer, and is no part of another page', async () => {
    const policies = await Promise.all(
      [1, 2].map(async () => {
        const answer = await fetch(`${broker.url}/console/`);
        const policy = answer.headers.get('content-security-policy') ?? '';
        const nonce = /script-src 'nonce-(?<nonce>[^']+)'/.exec(policy)?.groups?.['nonce'] ?? '';
        expect(await answer.text()).to.include(`src="console.js" nonce="${nonce}"`);
        expect(answer.headers.get('cache-control')).to.equal('no-store');
        return { policy, nonce };
      }),
    );
    expect(new Set(policies.map(({ nonce }) => nonce)).size).to.equal(2);
    const { policy = '' } = policies[0] ?? {};
    expect(policy).to.include("default-src 'none'").and.to.include("frame-ancestors 'none'");
    expect(policy).not.to.match(/unsafe|https?:|\*/);
    for (const path of ['nope.js', '..%2fbroker.js', '%2e%2e/broker.js']) {
      expect((await fetch(`${broker.url}/console/${path}`)).status, path).to.be.oneOf([403, 404]);
    }
  });

  it('[D4] filters, sorts and groups who is in, live, and shows one with its history', async () => {
    const { page } = console;
    const grid = page.getByRole('grid', { name: 'Sessions' });
    const rows = grid.getByRole('row');
    const filter = page.getByRole('textbox', { name: 'Filter' });
    await filter.fill('u0007');
    await page.getByRole('button', { name: 'All 1', exact: true }).waitFor();
    expect(await rows.count()).to.equal(2);
    await clients[7]?.heartbeat({ dirty: true, view: 'invoices/1042' });
    await grid.getByRole('row', { name: /u0007.*unsaved.*invoices\/1042/ }).waitFor();
    await grid.getByRole('row', { name: /u0007/ }).click();
    const drawer = page.getByRole('dialog', { name: 'u0007 by name' });
    await drawer.getByText('State changed').waitFor();
    expect(await drawer.getByText('Signed in', { exact: true }).count()).to.equal(2);
    expect(await console.barriers()).to.deep.equal([]);
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'hidden' });
    await filter.fill('');
    await page.getByRole('button', { name: 'Unsaved work', exact: true }).click();
    await page.getByRole('button', { name: 'All 1', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Unsaved work', exact: true }).click();
    await grid.getByRole('button', { name: 'Person' }).click();
    await grid.getByRole('row', { name: /u0999/ }).waitFor();
    await grid.getByRole('button', { name: 'Person' }).click();
    await page.getByRole('combobox', { name: 'Group' }).click();
    await page.getByRole('option', { name: 'By application' }).click();
    await grid.getByRole('row', { name: /Ledger.*500 sessions/ }).waitFor();
    expect(await rows.count()).to.equal(3);
    await page.getByRole('combobox', { name: 'Group' }).click();
    await page.getByRole('option', { name: 'No groups' }).click();
  });

  it('[D5][D6] warns, and logs off until it is verified, by keyboard alone', async () => {
    const { page } = console;
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    // The first person of what is shown, warned.
    await press('Control+k');
    await page.locator('input[type=search]:focus, [role=dialog] input:focus').waitFor();
    await page.keyboard.type('u0011');
    await page.getByRole('button', { name: /u0011 by name/ }).waitFor();
    expect(await console.barriers()).to.deep.equal([]);
    await press('Enter');
    await page.getByRole('button', { name: 'All 1', exact: true }).waitFor();
    await page.getByRole('textbox', { name: 'Filter' }).focus();
    const grid = page.getByRole('grid', { name: 'Sessions' });
    while (!(await grid.evaluate((element) => element === document.activeElement))) await press('Tab');
    await press('Space', 'w');
    const dialog = page.getByRole('dialog', { name: 'Warn', exact: true });
    await dialog.getByRole('button', { name: 'Warn 1 session' }).waitFor();
    await dialog.getByRole('region', { name: 'Who is hit' }).getByText('u0011 by name').waitFor();
    await press('Control+End');
    await page.keyboard.type(' Now.');
    expect(await console.barriers()).to.deep.equal([]);
    await press('Tab', 'Tab', 'Enter');
    await dialog.waitFor({ state: 'hidden' });
    const { message } = (await clients[11]?.saw('warning')) ?? {};
    expect(message).to.match(/^Please save .*Now\.$/);
    expect(clients[12]?.all('warning')).to.deep.equal([]);

    // Ten people: what confirms it is asked for as well.
    await page.getByRole('textbox', { name: 'Filter' }).fill('u002');
    await page.getByRole('button', { name: 'All 10', exact: true }).waitFor();
    await grid.focus();
    await press('Escape', 'Control+a', 'l');
    const logoff = page.getByRole('dialog', { name: 'Warn and log off' });
    const give = logoff.getByRole('button', { name: 'Log off 10 sessions' });
    await give.waitFor();
    expect(await give.isDisabled()).to.equal(true);
    for (const name of ['Time to save', 'More while saving']) {
      const field = logoff.getByRole('combobox', { name });
      const before = await field.inputValue();
      await field.focus();
      await press('Enter');
      const options = page.getByRole('option');
      await options.first().waitFor();
      // Marking the present choice comes a moment after the list, and takes the mark from any other.
      await waitUntil(async () => {
        await press('Home', 'ArrowDown');
        return (await options.nth(1).getAttribute('data-combobox-selected')) !== null;
      }, 'the mark');
      await press('Enter');
      await options.first().waitFor({ state: 'hidden' });
      expect(await field.inputValue()).not.to.equal(before);
    }
    await logoff.getByRole('checkbox').focus();
    await press('Space');
    await give.focus();
    await press('Enter');
    await logoff.waitFor({ state: 'hidden' });
    const order = page.getByRole('region', { name: 'Orders under way' });
    await order.getByRole('progressbar', { name: 'verified' }).first().waitFor();
    await order.getByText('Logoff · done').waitFor({ timeout: 15_000 });
    await waitUntil(
      async () => (await order.locator('[data-step="verified"]').first().innerText()).startsWith('10'),
      'ten verified sessions',
    );
    await page.getByText('990 sessions').waitFor();
    for (const client of clients.slice(20, 30)) expect(client.last('logoff')?.by.name).to.equal('Root');
  });

  it('[D6] is without barriers in light and dark, narrow, and from right to left', async () => {
    const { page } = console;
    await page.getByRole('textbox', { name: 'Filter' }).fill('');
    expect(await console.barriers()).to.deep.equal([]);
    await page.getByRole('button', { name: 'Light or dark' }).click();
    expect(await console.barriers()).to.deep.equal([]);
    await page.getByRole('button', { name: 'Language' }).click();
    await page.getByRole('menuitem', { name: 'العربية' }).click();
    await page.getByRole('heading', { name: 'الجلسات' }).waitFor();
    expect(await page.evaluate(() => document.documentElement.dir)).to.equal('rtl');
    await page.setViewportSize({ width: 360, height: 700 });
    expect(await console.wide()).to.deep.equal([]);
    expect(await console.barriers()).to.deep.equal([]);
  });

  it('[D3] shows an administrator their own tenant, an operator the one they choose, and others nothing', async () => {
    if (!browser) return;
    const stranger = await broker.connect(other, 'eve');
    const theirs = await ConsolePage.open(browser, `${broker.url}/console/`);
    await theirs.page.getByRole('textbox', { name: 'Token' }).waitFor();
    expect(await theirs.barriers()).to.deep.equal([]);
    await theirs.signIn(await broker.token(other, 'eve'));
    await theirs.page.getByRole('alert').getByText('You need the role admin or operator').waitFor();
    await theirs.signIn(await broker.token(other, 'boss', ['admin']));
    await theirs.page.getByText('1 session', { exact: true }).waitFor();
    expect(await theirs.page.getByRole('combobox', { name: 'Tenant' }).count()).to.equal(0);
    await theirs.page.goto(`${broker.url}/console/#/sessions/${clients[0]?.sessionId ?? ''}`);
    await theirs.page.getByRole('dialog').getByRole('alert').waitFor();
    expect(await theirs.page.content()).not.to.include('u0000');
    await theirs.close();

    const operators = await ConsolePage.open(browser, `${broker.url}/console/`);
    await operators.signIn(await broker.token(freshTenant(), 'op', ['operator']));
    const choice = operators.page.getByRole('combobox', { name: 'Tenant' });
    await choice.click();
    await choice.fill(other);
    await operators.page.getByRole('option', { name: other }).click();
    await operators.page.getByRole('row', { name: /eve by name/ }).waitFor();
    await operators.page.reload();
    await operators.page.getByRole('heading', { name: 'Sessions' }).waitFor();
    await operators.close();
    stranger.socket.disconnect();
    const { items } = await broker.core.audit.list(other, { type: 'access.denied' }, { limit: 10 });
    expect(items.map(({ by }) => by.id)).to.include('eve');
  });

  it('[D2] asks nobody but its broker, and complains of nothing', () => {
    expect(console.strangers(broker.url)).to.deep.equal([]);
    expect(console.complaints).to.deep.equal([]);
  });
});
