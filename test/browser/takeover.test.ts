import { mkdirSync } from 'node:fs';
import { expect } from 'chai';
import { run } from 'lastcall/internal/cli/main.js';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { complaintsOf, startBrowser } from '../support/browser.js';
import { fakeTerminal } from '../support/fake-terminal.js';
import { Serve } from '../support/serve.js';

/** Pictures for the documents are taken when this names a folder. */
const PICTURES = process.env['PICTURES'];
const note = (page: Page): Locator => page.getByLabel('Note');
const item = (page: Page, number: string): Locator =>
  page.getByRole('button', { name: new RegExp(`No\\. ${number}`) });

describe('demo in a browser: taking a record over', function () {
  this.timeout(60_000);
  let serve: Serve;
  let browser: Browser | undefined;
  let windows: BrowserContext;
  const complaints: string[][] = [];

  before(async function () {
    browser = await startBrowser(this, 'a take-over between two windows');
    serve = await Serve.start();
    const terminal = fakeTerminal({ LASTCALL_URL: serve.url, LASTCALL_TOKEN: serve.token });
    expect(await run(['policy', 'set', 'takeoverMs=5000'], terminal)).to.equal(0);
  });
  after(async () => {
    await browser?.close();
    await serve?.stop();
  });
  beforeEach(async () => {
    if (!browser) return;
    windows = await browser.newContext({ viewport: { width: 1_000, height: 760 } });
    windows.setDefaultTimeout(15_000);
    await windows.grantPermissions(['clipboard-read', 'clipboard-write']);
    complaints.length = 0;
  });
  afterEach(async () => {
    await windows?.close();
    expect(complaints.flat()).to.deep.equal([]);
  });

  async function signIn(name: string): Promise<Page> {
    const page = await windows.newPage();
    complaints.push(complaintsOf(page));
    await page.goto(`${serve.url}/demo/`);
    await page.getByRole('button', { name: `Sign in as ${name}` }).click();
    await page.getByText('Online').waitFor();
    return page;
  }

  async function picture(page: Page, name: string): Promise<void> {
    if (PICTURES === undefined) return;
    mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: `${PICTURES}/${name}.png` });
  }

  /** One edits the invoice, with unsaved text, and another one finds it taken. */
  async function both(names: readonly [string, string], number: string): Promise<[Page, Page]> {
    const [holder, taker] = [await signIn(names[0]), await signIn(names[1])];
    await item(holder, number).click();
    await holder.getByText('You are editing', { exact: true }).first().waitFor();
    await note(holder).fill(`Typed by ${names[0]}.`);
    await item(taker, number).click();
    await taker.getByText(`${names[0]} is editing`).first().waitFor();
    return [holder, taker];
  }

  it('[K10] shows in the list, live, who edits what', async () => {
    const [ada, grace] = [await signIn('Ada'), await signIn('Grace')];
    await item(ada, '1041').click();
    await item(grace, '1041').getByText('Ada is editing').waitFor();
    await item(ada, '1041').getByText('You are editing').waitFor();
    await item(ada, '1043').click();
    await item(grace, '1043').getByText('Ada is editing').waitFor();
    await item(grace, '1041').getByText('Ada is editing').waitFor({ state: 'detached' });
    await picture(grace, 'demo-list');
    await ada.getByRole('button', { name: 'Close' }).click();
    await item(grace, '1043').getByText('Ada is editing').waitFor({ state: 'detached' });
  });

  it('[K8][K11] hands over what was saved, when the holder says so', async () => {
    const [ada, grace] = await both(['Ada', 'Grace'], '1042');
    await picture(grace, 'demo-locked');
    await grace.getByRole('button', { name: 'Ask for it' }).click();
    await grace.getByText('Ada was asked for it').waitFor();
    await ada.getByText('Grace asks for this invoice').waitFor();
    await ada.getByText(/^0:0\d$/).waitFor();
    await picture(ada, 'demo-asked');
    await picture(grace, 'demo-asking');
    await ada.getByRole('button', { name: 'Save & hand over' }).click();
    await grace.getByText('You are editing', { exact: true }).first().waitFor();
    expect(await note(grace).inputValue()).to.equal('Typed by Ada.');
    await ada.getByText('Grace took the record over.').waitFor();
    await picture(ada, 'demo-lost');
  });

  it('[K8][K11] keeps the record, and who asked is told', async () => {
    const [linus, margaret] = await both(['Linus', 'Margaret'], '1043');
    await margaret.getByRole('button', { name: 'Ask for it' }).click();
    await linus.getByRole('button', { name: 'Keep' }).click();
    await margaret.getByText(/Linus keeps invoices\/1043/).waitFor();
    await margaret.getByText('Linus is editing').first().waitFor();
    await note(linus).fill('Still mine.');
    expect(await linus.getByRole('button', { name: 'Save', exact: true }).isEnabled()).to.equal(true);
  });

  it('[K9][K12] saves for who does nothing, and leaves their text to be read and copied (H88)', async () => {
    const [ada, grace] = await both(['Ada', 'Grace'], '1044');
    await grace.getByRole('button', { name: 'Ask for it' }).click();
    await ada.getByText('Invoice 1044 is saved.').waitFor();
    // Whether this is still saved or not: it is not thrown away.
    await note(ada).fill('Typed too late.');
    await ada.getByText('Grace took the record over.').waitFor();
    await grace.getByText('You are editing', { exact: true }).first().waitFor();
    expect(await note(ada).isEditable()).to.equal(false);
    expect(await note(ada).isEnabled()).to.equal(true);
    await ada.bringToFront();
    await ada.getByRole('button', { name: 'Copy my text' }).click();
    await ada.getByText('Your text is copied.').waitFor();
    const typed = await note(ada).inputValue();
    expect(await ada.evaluate(() => navigator.clipboard.readText())).to.include(typed);
    await picture(ada, 'demo-taken');
  });
});
