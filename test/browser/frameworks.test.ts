import { createClient } from '@lastcall/client';
import type { AuditType } from '@lastcall/shared';
import { expect } from 'chai';
import { run } from 'lastcall/internal/cli/main.js';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { PreviewServer } from 'vite';
import { administrator, freshTenant, TestBroker } from '../support/broker.js';
import { complaintsOf, fieldShows, startBrowser } from '../support/browser.js';
import { SECRET } from '../support/config.js';
import { serveExamples } from '../support/examples.js';
import { fakeTerminal } from '../support/fake-terminal.js';
import { type NewcomersApplication, NewcomersPath } from '../support/newcomer.js';
import { reactBundle } from '../support/react-bundle.js';
import { RESOURCE } from '../support/react-desk.js';
import type { ReactPageWindow } from '../support/react-page.js';
import { drawnByServer } from '../support/react-server.js';
import { freePort } from '../support/redis.js';
import { waitUntil } from '../support/wait.js';

declare const window: Window & ReactPageWindow;

/** Pictures are taken when this names a folder. */
const PICTURES = process.env['PICTURES'];
const MESSAGE = 'Good night.';

describe('frameworks in a browser', function () {
  this.timeout(60_000);
  let browser: Browser | undefined;
  let broker: TestBroker;
  let examples: PreviewServer;
  let newcomersPort: number;
  let examplesUrl: string;
  let context: BrowserContext;
  let newcomer: NewcomersApplication | undefined;

  before(async function () {
    const started = startBrowser(this, 'React, and examples for other frameworks');
    newcomersPort = await freePort();
    const port = await freePort();
    examplesUrl = `http://localhost:${port}`;
    const env = { DEV: '1', ALLOWED_ORIGINS: `http://localhost:${newcomersPort}` };
    broker = await TestBroker.start({ env });
    [browser, examples] = await Promise.all([started, serveExamples(broker.url, port)]);
    context = await browser.newContext();
    context.setDefaultTimeout(10_000);
  });
  after(async () => {
    await browser?.close();
    await newcomer?.stop();
    await examples?.close();
    await broker?.close();
  });

  async function open(address: string): Promise<Page> {
    const page = await context.newPage();
    await page.goto(address);
    return page;
  }

  async function order(tenant: string, action: 'warn' | 'logoff', user: string): Promise<string> {
    const { id } = await broker.core.orders.create(administrator(tenant), tenant, {
      action,
      target: { users: [user] },
      message: MESSAGE,
      reason: 'admin',
      graceMs: 60_000,
      holdMs: 10_000,
    });
    return id;
  }

  const counting = (page: Page) => page.getByText(new RegExp(`^${MESSAGE} (60|5\\d)( s left\\.)?$`));

  describe('React', () => {
    const tenant = freshTenant();
    let page: Page;
    let html: string;
    let complaints: string[];
    let connections = 0;

    before(async () => {
      page = await open(examplesUrl);
      complaints = complaintsOf(page);
      page.on('websocket', () => {
        connections += 1;
      });
      await page.addScriptTag({ content: await reactBundle() });
      const settings = { url: examplesUrl, token: await broker.token(tenant, 'ada') };
      html = drawnByServer(createClient(settings));
      await page.evaluate(
        ([drawn, given]) => {
          window.react.hydrate(drawn, given);
        },
        [html, settings] as const,
      );
      await shows('#phase', 'held');
    });

    const shows = (selector: string, wanted: string) =>
      page.waitForFunction(([at, text]) => document.querySelector(at)?.textContent === text, [
        selector,
        wanted,
      ] as const);
    const setEditing = (editing: boolean) =>
      page.evaluate((wanted) => {
        window.react.setEditing(wanted);
      }, editing);

    async function countOf(type: AuditType): Promise<number> {
      const { items } = await broker.core.audit.list(tenant, { type }, { limit: 100 });
      return items.length;
    }

    it('[R2, R3] takes over what a server has drawn, with one session and one lock', async () => {
      expect(html).to.include('<p id="session">idle</p>').and.include('<p id="phase">unknown</p>');
      expect(await page.locator('#session').textContent()).to.equal('online ada by name');
      expect(await page.evaluate(() => window.react.mismatches)).to.deep.equal([]);
      // Effects have run twice, as they do for developers.
      expect(connections).to.equal(1);
      expect(await countOf('session.opened')).to.equal(1);
      expect(await countOf('lock.granted')).to.equal(1);
      expect(await countOf('lock.released')).to.equal(0);
      expect(complaints).to.deep.equal([]);
    });

    it('[R2] keeps both when other components take the place of all there were', async () => {
      await page.evaluate(() => {
        window.react.replace();
      });
      await shows('#phase', 'held');
      // Whatever would have been sent for that has arrived before this.
      await page.evaluate(() => window.react.client.query('invoices/8'));
      expect(connections).to.equal(1);
      expect(await countOf('lock.released')).to.equal(0);
    });

    it('[R1] draws what has changed, and nothing else; a warning counts down', async () => {
      const drawings = () => page.evaluate(() => ({ ...window.react.drawings }));
      const before = await drawings();
      const id = await order(tenant, 'warn', 'ada');
      const [first] = await page.getByRole('alert').allTextContents();
      await counting(page).waitFor();
      await page.waitForFunction(
        (text) => document.querySelector('[role=alert]')?.textContent !== text,
        first ?? '',
      );
      expect((await drawings()).session).to.be.above(before.session);
      expect((await drawings()).editor).to.equal(before.editor);
      await broker.core.orders.cancel(administrator(tenant), tenant, id);
      await page.getByRole('alert').waitFor({ state: 'detached' });
    });

    it('[R2][R4] gives the record back when its component goes, and asks for it when it comes', async () => {
      await setEditing(false);
      await waitUntil(async () => (await countOf('lock.released')) === 1, 'the lock to be given back');
      const grace = await broker.connect(tenant, 'grace');
      await grace.acquire(RESOURCE);
      await shows('#others', 'grace by name');
      await setEditing(true);
      await shows('#phase', 'taken');
      await grace.call('session:end', {});
      await shows('#phase', 'free');
      await shows('#others', 'nobody');
      await setEditing(false);
      await setEditing(true);
      await shows('#phase', 'held');
      expect(await countOf('lock.granted')).to.equal(3);
      expect(await countOf('lock.released')).to.equal(1);
    });

    it('[R4] asks the person who is asked for the record, with the time left', async () => {
      const linus = await broker.connect(tenant, 'linus');
      const payload = { resource: RESOURCE, requestId: crypto.randomUUID() };
      const [, answer] = await Promise.all([
        page.getByRole('button', { name: /^Keep (30|2\d)$/ }).click(),
        linus.call('lock:takeover', payload),
      ]);
      expect(answer.ok).to.equal(true);
      await linus.saw('lock:denied');
      await page.getByRole('button', { name: 'Keep' }).waitFor({ state: 'detached' });
    });

    it('[R4] asks for the record again in the next session', async () => {
      await page.evaluate(() => window.react.client.end());
      await shows('#session', 'ended ada by name user');
      await page.evaluate(async () => {
        await window.react.client.connect();
      });
      await shows('#phase', 'held');
    });

    it('[R5] saves by the latest handler, and keeps what is unsaved when the component goes', async () => {
      const note = page.getByLabel('Note');
      await note.fill('Typed first.');
      await note.fill('Typed last.');
      const save = page.getByRole('button', { name: 'Save' });
      await save.click();
      await save.click();
      await page.waitForFunction(() => !window.react.client.getSnapshot().saving);
      expect(await page.evaluate(() => window.react.saves)).to.deep.equal(['Typed last.']);
      await note.fill('Not saved.');
      await setEditing(false);
      const drafts = () => page.evaluate(() => window.react.drafts?.offered());
      await waitUntil(async () => (await drafts())?.length === 1, 'a draft');
      expect((await drafts())?.[0]).to.include({ resource: RESOURCE, text: 'Not saved.' });
    });

    it('[R1] shows one state in each drawing, also when that changes in the middle of one', async () => {
      // Nothing else is drawn now: that would make React begin anew.
      const byHooks = await page.evaluate(() => window.react.drawSlowly('byHooks'));
      expect(byHooks.had).to.have.members(['false', 'true']);
      expect(new Set(byHooks.shown).size).to.equal(1);
      // What the check is worth: without such hooks the page shows two states at once.
      const byHand = await page.evaluate(() => window.react.drawSlowly('byHand'));
      expect(new Set(byHand.shown).size).to.equal(2);
    });

    it('[R2] hangs up when the last component has gone', async () => {
      await page.evaluate(() => {
        window.react.unmount();
      });
      await page.waitForFunction(() => window.react.client.getSnapshot().status === 'closed');
    });
  });

  /** One edits a note, another waits; the one is warned, saves and leaves, and the other has note and text. */
  async function collide(example: string, asks: boolean): Promise<void> {
    const tenant = freshTenant();
    const addressOf = (name: string) => `${examplesUrl}/${example}/?tenant=${tenant}&name=${name}`;
    const press = (page: Page, name: string) => page.getByRole('button', { name }).click();
    const ada = await open(addressOf('Ada'));
    if (asks) await press(ada, 'Edit');
    await ada.getByText('You are editing').waitFor();
    await ada.getByLabel('Note').fill('Typed by Ada.');
    const grace = await open(addressOf('Grace'));
    await grace.getByText('Ada is editing').waitFor();
    expect(await grace.getByLabel('Note').isEditable()).to.equal(false);
    if (PICTURES !== undefined) await grace.screenshot({ path: `${PICTURES}/example-${example}-taken.png` });
    if (asks) await press(grace, 'Wait for it');
    await order(tenant, 'logoff', 'ada');
    await ada.getByText(MESSAGE).waitFor();
    if (PICTURES !== undefined) await ada.screenshot({ path: `${PICTURES}/example-${example}.png` });
    await press(ada, 'Save and sign out');
    await ada.getByText('You have been logged off').waitFor();
    await grace.getByText('You are editing').waitFor();
    await fieldShows(grace.getByLabel('Note'), 'Typed by Ada.');
  }

  for (const [example, asks] of Object.entries({ react: false, vue: true, svelte: false, script: true })) {
    it(`[R6] the example for ${example} works as it stands`, () => collide(example, asks));
  }

  it('[R6] an empty application gets a lock and a warning by 15 lines, as the README says', async () => {
    const path = new NewcomersPath('### In React, from an empty application');
    expect(path.app.trimEnd().split('\n')).to.have.length.at.most(15);
    expect(path.origin).to.equal('http://localhost:5173');
    const terminal = fakeTerminal({ LASTCALL_JWT_SECRET: SECRET });
    expect(await run([...path.tokenCommand], terminal)).to.equal(0);
    newcomer = await path.follow(broker.url, terminal.out().trim(), newcomersPort);
    const address = `http://localhost:${newcomersPort}`;
    const first = await open(address);
    await first.getByText('You are editing').waitFor();
    const second = await open(address);
    await second.getByText('Ada is editing').waitFor();
    expect(await first.getByRole('textbox').isEditable()).to.equal(true);
    expect(await second.getByRole('textbox').isEditable()).to.equal(false);
    await order('demo', 'logoff', 'ada');
    await Promise.all([counting(first).waitFor(), counting(second).waitFor()]);
  });
});
