import { expect } from 'chai';
import { run } from 'lastcall/internal/cli/main.js';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { complaintsOf, startBrowser } from '../support/browser.js';
import { fakeTerminal } from '../support/fake-terminal.js';
import { Serve } from '../support/serve.js';

const MESSAGE = 'Year-end closing at noon.';

const openInvoice = (page: Page, number: string) =>
  page.getByRole('button', { name: `No. ${number}` }).click();
const note = (page: Page) => page.getByLabel('Note');
/** The note as the invoice was saved. */
const saved = (page: Page, number: string) =>
  page.evaluate(
    (key) => (JSON.parse(localStorage.getItem(key) ?? '{}') as { note?: string }).note,
    `lastcall-demo:invoice:${number}`,
  );
const loggedOff = (page: Page) => page.getByRole('heading', { name: 'You have been logged off' }).waitFor();
/** Nothing of the page but the dialog can have the focus; between its end and its beginning lies the browser itself. */
const focusIsTrapped = (page: Page) =>
  page.evaluate(
    () => document.activeElement === document.body || document.activeElement?.closest('dialog') !== null,
  );
const focused = (page: Page) => page.evaluate(() => document.activeElement?.tagName);

describe('demo in a browser', function () {
  this.timeout(90_000);
  let serve: Serve;
  let browser: Browser | undefined;
  let windows: BrowserContext;
  const complaints: string[][] = [];

  before(async function () {
    browser = await startBrowser(this, 'the demo in two windows and the administrator’s page');
    serve = await Serve.start();
  });
  after(async () => {
    await browser?.close();
    await serve?.stop();
  });
  beforeEach(async () => {
    if (!browser) return;
    // Windows of one browser: they share the invoices, each has a session of its own.
    windows = await browser.newContext({ viewport: { width: 1_000, height: 760 } });
    windows.setDefaultTimeout(15_000);
    complaints.length = 0;
  });
  afterEach(async () => {
    await windows?.close();
    // A window that is closed leaves a session behind until its lease runs out.
    expect(
      (await command('logoff', '--all', '--grace', '0', '--hold', '0', '--yes', '--wait')).code,
    ).to.equal(0);
    expect(complaints.flat()).to.deep.equal([]);
  });

  async function command(...args: string[]): Promise<{ readonly code: number; readonly out: string }> {
    const terminal = fakeTerminal({ LASTCALL_URL: serve.url, LASTCALL_TOKEN: serve.token });
    return { code: await run(args, terminal), out: terminal.out() };
  }

  async function sessionsOf(user: string): Promise<readonly string[]> {
    const { out } = await command('sessions', '--user', user, '--json');
    return (JSON.parse(out) as { items: { id: string }[] }).items.map(({ id }) => id);
  }

  async function open(path: string): Promise<Page> {
    const page = await windows.newPage();
    complaints.push(complaintsOf(page));
    await page.goto(`${serve.url}/demo/${path}`);
    return page;
  }

  async function signIn(name: string): Promise<Page> {
    const page = await open('');
    await page.getByRole('button', { name: `Sign in as ${name}` }).click();
    await page.getByText('Online').waitFor();
    return page;
  }

  async function administrator(): Promise<Page> {
    const page = await open('admin.html');
    await page.getByRole('button', { name: 'Sign in as the administrator' }).click();
    await page.getByLabel('Message').fill(MESSAGE);
    return page;
  }

  it('[L2][L3] lets one window edit, tells the other who it is, and passes the record on with what was saved', async () => {
    const ada = await signIn('Ada');
    await openInvoice(ada, '1042');
    await ada.getByRole('status').getByText('You are editing').waitFor();
    await note(ada).fill('Thirty days.');
    const grace = await signIn('Grace');
    await openInvoice(grace, '1042');
    await grace.getByRole('status').getByText('Ada is editing').waitFor();
    expect(await note(grace).isDisabled()).to.equal(true);
    await grace.getByRole('button', { name: 'Wait for it' }).click();
    await grace.getByText('You are next').waitFor();

    await ada.keyboard.press('Control+s');
    await ada.getByText('Invoice 1042 is saved.').waitFor();
    await ada.getByRole('button', { name: 'Close' }).click();
    await grace.getByRole('status').getByText('You are editing').waitFor();
    expect(await note(grace).inputValue()).to.equal('Thirty days.');
    await openInvoice(ada, '1042');
    await ada.getByRole('status').getByText('Grace is editing').waitFor();
    await grace.getByRole('button', { name: 'Close' }).click();
    await ada.getByText('Nobody is editing now').waitFor();
    await ada.getByText('Saved by Ada').waitFor();
  });

  it('[L11] keeps what was typed when an administrator breaks the lock, and lets it be saved with a new one', async () => {
    const ada = await signIn('Ada');
    await openInvoice(ada, '1041');
    await ada.getByRole('status').getByText('You are editing').waitFor();
    await note(ada).fill('Typed before.');
    expect((await command('unlock', 'invoices/1041')).out).to.equal('invoices/1041 is free now.\n');
    await ada.getByText('An administrator took the lock away.').waitFor();
    expect(await ada.getByRole('button', { name: 'Save' }).isDisabled()).to.equal(true);
    await ada.getByRole('button', { name: 'Get it back' }).click();
    await ada.getByRole('status').getByText('You are editing').waitFor();
    await ada.getByRole('button', { name: 'Save', exact: true }).click();
    await ada.getByText('Invoice 1041 is saved.').waitFor();
    expect(await saved(ada, '1041')).to.equal('Typed before.');
  });

  it('[O7][O9] logs both off when they have saved, says why and by whom, and proves it', async () => {
    const ada = await signIn('Ada');
    await openInvoice(ada, '1041');
    await note(ada).fill('Typed by Ada.');
    const grace = await signIn('Grace');
    await openInvoice(grace, '1043');
    await note(grace).fill('Typed by Grace.');
    const admin = await administrator();
    await admin.getByRole('row', { name: /Ada.*unsaved changes/ }).waitFor();
    await admin.getByRole('row', { name: /Grace.*unsaved changes/ }).waitFor();
    await admin.getByLabel('Time to save').selectOption({ label: '1 minute' });
    await admin.getByRole('button', { name: 'Log everybody off' }).click();

    const dialog = ada.getByRole('alertdialog', { name: 'Please save your work' });
    await dialog.getByText(MESSAGE).waitFor();
    expect(await dialog.getByText('unsaved changes').isVisible()).to.equal(true);
    await dialog.getByRole('button', { name: 'Save and sign out' }).click();
    await loggedOff(ada);
    expect(await ada.getByText(MESSAGE).isVisible()).to.equal(true);
    expect(await ada.getByText('– Administrator').isVisible()).to.equal(true);

    await grace.getByRole('button', { name: 'Keep working' }).click();
    await note(grace).fill('Typed by Grace to the end.');
    await admin.getByText('1 of 2 verified').waitFor();
    await grace.getByRole('button', { name: 'Save and sign out' }).click();
    await loggedOff(grace);
    expect(await grace.getByText('No work was lost.').isVisible()).to.equal(true);
    await admin.getByText('2 of 2 verified').waitFor();
    // Until its deadline the order is for whoever signs in, too.
    await admin.getByRole('button', { name: 'Cancel the order' }).click();
    await admin.getByText('Cancelled').waitFor();
    expect(await saved(ada, '1041')).to.equal('Typed by Ada.');
    expect(await saved(ada, '1043')).to.equal('Typed by Grace to the end.');
  });

  it('[O3] shows a message that is read, and tells the administrator so', async () => {
    const linus = await signIn('Linus');
    const admin = await administrator();
    await admin.getByRole('button', { name: 'Warn Linus' }).click();
    const dialog = linus.getByRole('alertdialog', { name: 'A message for you' });
    await dialog.getByRole('button', { name: 'OK' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await admin.getByText('1 of 1 told, 1 have seen it.').waitFor();
  });

  it('[K3][O8] keeps the focus in the dialog, gives it back, and takes a cancelled logoff away', async () => {
    const ada = await signIn('Ada');
    await openInvoice(ada, '1044');
    await ada.getByRole('status').getByText('You are editing').waitFor();
    await note(ada).focus();
    const admin = await administrator();
    await admin.getByLabel('Time to save').selectOption({ label: '5 minutes' });
    await admin.getByRole('button', { name: 'Log off Ada' }).click();
    const dialog = ada.getByRole('alertdialog');
    await dialog.waitFor();
    // A key struck while typing must not sign anybody out.
    await ada.keyboard.press('Space');
    for (let press = 0; press < 6; press += 1) {
      await ada.keyboard.press('Tab');
      expect(await focusIsTrapped(ada)).to.equal(true);
    }
    await ada.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    expect(await focused(ada)).to.equal('TEXTAREA');
    await ada.getByText(/logged off in\s+\d:\d\d/).waitFor();
    await admin.getByRole('button', { name: 'Cancel the order' }).click();
    await ada.getByText('The logoff was cancelled.').waitFor();
    expect(await ada.getByRole('button', { name: 'Save and sign out' }).isVisible()).to.equal(false);
  });

  it('[C2][O5][O12] saves by itself what nobody saves, is logged off from the command line, and kept out', async () => {
    const margaret = await signIn('Margaret');
    await openInvoice(margaret, '1044');
    await margaret.getByRole('status').getByText('You are editing').waitFor();
    await note(margaret).fill('Typed by Margaret.');
    const args = ['--user', 'margaret', '--grace', '2s', '--deny', '1m', '-m', MESSAGE, '--wait'];
    const { code, out } = await command('logoff', ...args);
    expect(code).to.equal(0);
    expect(out).to.match(/Margaret \(margaret\) +clean +yes/);
    await loggedOff(margaret);
    expect(await saved(margaret, '1044')).to.equal('Typed by Margaret.');
    await margaret.getByText(/sign in again in \d:\d\d/).waitFor();
    expect(await margaret.getByRole('button', { name: 'Sign in again' }).isDisabled()).to.equal(true);
    await margaret.getByRole('button', { name: 'Be somebody else' }).click();
    await margaret.getByRole('button', { name: 'Sign in as Margaret' }).click();
    await margaret.getByRole('heading', { name: 'You cannot sign in now' }).waitFor();
  });

  it('[S2] comes back as the same session after a reload, and forgets who signed out', async () => {
    const ada = await signIn('Ada');
    const [before] = await sessionsOf('ada');
    await ada.reload();
    await ada.getByText('Online').waitFor();
    expect(await sessionsOf('ada')).to.deep.equal([before]);
    await ada.getByRole('button', { name: 'Sign out' }).click();
    await ada.getByRole('heading', { name: 'You have signed out' }).waitFor();
    expect(await sessionsOf('ada')).to.deep.equal([]);
    await ada.reload();
    await ada.getByRole('heading', { name: 'Who are you today?' }).waitFor();
  });

  for (const path of ['', 'admin.html']) {
    it(`fits a window of 360 pixels: /demo/${path}`, async () => {
      const page = await open(path);
      await page.setViewportSize({ width: 360, height: 700 });
      await page
        .getByRole('button', { name: /^Sign in as/ })
        .first()
        .click();
      if (path === '') await openInvoice(page, '1042');
      else await page.getByLabel('Message').waitFor();
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(overflow).to.be.at.most(0);
    });
  }
});
