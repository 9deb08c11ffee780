import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { faultsOf } from '../support/axe.js';
import { fieldShows } from '../support/browser.js';
import {
  ask,
  Demo,
  edit,
  focused,
  focusIsTrapped,
  item,
  note,
  notice,
  open,
  overflowOf,
  part,
  press,
  saved,
  toast,
} from '../support/demo.js';

const MESSAGE = 'Year-end closing at noon.';
const POLICY = ['beatMs=1000', 'leaseMs=20000'];
const IDLE = ['idleAfterMs=1000', 'idleWarnMs=60000', 'idleLogoffMs=61000'];
const PERSONS = ['ada', 'grace'] as const;

describe('demo in a browser', function () {
  this.timeout(60_000);
  let demo: Demo;
  // Their windows stay open: they go on where the test before has left them, with nothing open.
  let ada: Page;
  let grace: Page;
  let admin: Page;

  before(async function () {
    demo = await Demo.start(this, POLICY);
    const [first, second, third] = await Promise.all([
      ...PERSONS.map((name) => demo.office(name)),
      demo.administrator(),
    ]);
    if (first && second && third) [ada, grace, admin] = [first, second, third];
    await admin.getByLabel('Message').fill(MESSAGE);
  });
  after(() => demo?.stop());
  afterEach(() => {
    expect(demo?.complaints() ?? []).to.deep.equal([]);
  });

  const both = (act: (page: Page) => Promise<unknown>) => Promise.all([act(ada), act(grace)]);
  const close = (page: Page) => press(page, 'Close');
  const time = (label: string) => admin.getByLabel('Time to save').selectOption({ label });
  const dialogOf = (page: Page) => page.getByRole('alertdialog');
  const loggedOff = (page: Page) => page.getByRole('heading', { name: 'You have been logged off' }).waitFor();
  const signInAgain = async (page: Page) => {
    await press(page, 'Sign in again');
    await page.getByText('Online').waitFor();
  };

  it('[L2][L3][K10] lets one window edit, tells the other who it is, and passes the record on with what was saved', async () => {
    await edit(ada, 'invoices/1042', 'Thirty days.');
    await item(grace, 'invoices/1042').getByText('Ada is editing').waitFor();
    await item(ada, 'invoices/1042').getByText('You are editing').waitFor();
    await open(grace, 'invoices/1042');
    await notice(grace, 'Ada is editing');
    expect(await note(grace).isDisabled()).to.equal(true);
    await press(grace, 'Wait for it');
    await notice(grace, 'you are next');
    await ada.keyboard.press('Control+s');
    await toast(ada, 'Invoice 1042 is saved.');
    await close(ada);
    await notice(grace, 'You are editing');
    await fieldShows(note(grace), 'Thirty days.');
    await item(ada, 'invoices/1042').getByText('Grace is editing').waitFor();
    await close(grace);
    await item(ada, 'invoices/1042').getByText('Saved by Ada').waitFor();
  });

  it('[L2] keeps customers and users as it keeps invoices, and shows everywhere what was saved', async () => {
    await part(ada, 'Customers');
    await edit(ada, 'customers/c-204');
    await ada.getByLabel('Name').fill('Café Borealis');
    await part(grace, 'Customers');
    await item(grace, 'customers/c-204').getByText('Ada is editing').waitFor();
    await press(ada, 'Save');
    await toast(ada, 'is saved.');
    await part(grace, 'Invoices');
    await item(grace, 'invoices/1044').getByText('Café Borealis').waitFor();
    // Another one is opened: the one before is let go.
    await part(ada, 'Users');
    await edit(ada, 'users/linus', 'Away on Fridays.');
    await part(grace, 'Users');
    await item(grace, 'users/linus').getByText('Ada is editing').waitFor();
    await admin.getByRole('region', { name: 'Being edited' }).getByText('users/linus').waitFor();
    await close(ada);
    await item(grace, 'users/linus').getByText('Saved by Ada').waitFor();
    await both((page) => part(page, 'Invoices'));
  });

  it('[K8][K11] hands over what was saved when the holder says so, and keeps it when the holder does', async () => {
    await edit(ada, 'invoices/1041', 'Typed by Ada.');
    await open(grace, 'invoices/1041');
    await ask(grace);
    await press(ada, 'Keep it');
    await notice(grace, 'Ada keeps it.');
    await dialogOf(ada).waitFor({ state: 'hidden' });
    await note(ada).fill('Still mine.');
    await demo.picture(grace, 'demo-locked');
    await ask(grace);
    await notice(grace, 'was asked');
    await dialogOf(ada).getByText('Grace asks for Invoice 1041').waitFor();
    await demo.picture(ada, 'demo-asked');
    await press(ada, 'Save and hand over');
    await notice(grace, 'You are editing');
    await fieldShows(note(grace), 'Still mine.');
    await ada.locator('lastcall-takeover').getByText('Grace took it over.').first().waitFor();
    await both(close);
  });

  it('[K8][K9] saves for who does nothing, and hands it over', async () => {
    await demo.command('policy', 'set', 'takeoverMs=1500');
    await edit(ada, 'invoices/1044', 'Typed by Ada.');
    await open(grace, 'invoices/1044');
    await ask(grace);
    await toast(ada, 'Invoice 1044 is saved.');
    await notice(grace, 'You are editing');
    await fieldShows(note(grace), 'Typed by Ada.');
    await notice(ada, 'You can no longer edit this');
    await both(close);
  });

  it('[L11][K12] leaves what was typed when the lock is taken away to be read and copied, and saves it with a new one (H88)', async () => {
    await edit(ada, 'invoices/1043', 'Typed before.');
    await press(admin, 'Take away invoices/1043');
    await notice(ada, 'You can no longer edit this');
    expect([await note(ada).isEditable(), await note(ada).isEnabled()]).to.deep.equal([false, true]);
    expect(await ada.getByRole('button', { name: 'Save', exact: true }).isDisabled()).to.equal(true);
    await ada.bringToFront();
    await press(ada, 'Copy my text');
    await toast(ada, 'Your text is copied.');
    expect(await ada.evaluate(() => navigator.clipboard.readText())).to.include('Typed before.');
    await press(ada, 'Get it back');
    await notice(ada, 'You are editing');
    await press(ada, 'Save');
    await toast(ada, 'Invoice 1043 is saved.');
    expect(await saved(ada, 'invoices/1043')).to.equal('Typed before.');
    await close(ada);
  });

  it('[O3][K3][O8] shows messages, keeps the focus in the dialog, gives it back, and takes a cancelled logoff away', async () => {
    await edit(ada, 'invoices/1045');
    await note(ada).focus();
    const warn = admin.getByRole('button', { name: 'Warn Ada' });
    await warn.focus();
    // The list is read anew all the time.
    for (let reads = 0; reads < 2; reads += 1) await admin.waitForResponse(/\/sessions$/);
    await admin.keyboard.press('Enter');
    await dialogOf(ada).getByRole('button', { name: 'OK' }).press('Enter');
    await admin.getByText('1 of 1 told, 1 have seen it.').waitFor();
    await time('5 minutes');
    await press(admin, 'Log off Ada');
    await dialogOf(ada).getByText('Please save your work').waitFor();
    // A key struck while typing must not sign anybody out.
    await ada.keyboard.press('Space');
    for (let tabs = 0; tabs < 6; tabs += 1) {
      await ada.keyboard.press('Tab');
      expect(await focusIsTrapped(ada)).to.equal(true);
    }
    await ada.keyboard.press('Escape');
    await dialogOf(ada).waitFor({ state: 'hidden' });
    expect(await focused(ada)).to.equal('TEXTAREA');
    const bar = ada.locator('lastcall-warning').getByRole('button', { name: 'Save and sign out' });
    await bar.waitFor();
    await press(admin, 'Cancel the order');
    await bar.waitFor({ state: 'hidden' });
    await close(ada);
  });

  it('[O7][O9] logs both off when they have saved, says why and by whom, and proves it', async () => {
    await edit(ada, 'invoices/1041', 'Typed by Ada.');
    await edit(grace, 'invoices/1043', 'Typed by Grace.');
    await admin.getByRole('row', { name: /Ada.*unsaved changes/ }).waitFor();
    await time('1 minute');
    await press(admin, 'Log everybody off');
    const dialog = dialogOf(ada);
    await dialog.getByText(MESSAGE).waitFor();
    expect(await dialog.getByText('What is unsaved is saved before that.').isVisible()).to.equal(true);
    await demo.picture(ada, 'demo-warning');
    await dialog.getByRole('button', { name: 'Save and sign out' }).press('Enter');
    await loggedOff(ada);
    await ada.locator('lastcall-ended').getByText(MESSAGE).waitFor();
    await ada.locator('lastcall-ended').getByText('– Administrator').waitFor();
    await press(grace, 'Keep working');
    await dialogOf(grace).waitFor({ state: 'hidden' });
    await note(grace).fill('Typed by Grace to the end.');
    await admin.getByText('1 of 2 verified').waitFor();
    await demo.picture(admin, 'demo-receipts');
    await press(grace, 'Save and sign out');
    await loggedOff(grace);
    await admin.getByText('2 of 2 verified').waitFor();
    // Until its deadline the order is for whoever signs in, too.
    await press(admin, 'Cancel the order');
    await admin.getByText('Cancelled').waitFor();
    expect(await saved(ada, 'invoices/1041')).to.equal('Typed by Ada.');
    expect(await saved(ada, 'invoices/1043')).to.equal('Typed by Grace to the end.');
    await both(signInAgain);
  });

  it('[K16] offers at the next sign-in what there was no time to save', async () => {
    await edit(ada, 'invoices/1046', 'Not saved by anybody.');
    await time('None: at once');
    await press(admin, 'Log off Ada');
    await ada.getByText('is kept on this device').waitFor();
    await signInAgain(ada);
    await ada.locator('lastcall-draft').getByText('Invoice 1046').waitFor();
    await demo.picture(ada, 'demo-draft');
    await press(ada, 'Restore');
    await notice(ada, 'You are editing');
    expect(await note(ada).inputValue()).to.equal('Not saved by anybody.');
    await press(ada, 'Save');
    await toast(ada, 'Invoice 1046 is saved.');
    await close(ada);
    expect(await ada.getByRole('button', { name: 'Restore' }).isVisible()).to.equal(false);
  });

  it('[M1][M2] closes for maintenance, and takes it back', async () => {
    await admin.getByLabel('Begins').selectOption({ label: 'In 5 minutes' });
    await press(admin, 'Close for maintenance');
    await dialogOf(grace).getByText('The books are closed for maintenance.').waitFor();
    await admin.getByText('Everybody has been told').waitFor();
    await press(admin, 'Lift it');
    await both((page) => dialogOf(page).waitFor({ state: 'hidden' }));
    await admin.getByText('Everybody may sign in.').waitFor();
  });

  it('[S16] asks who does nothing whether they are still there', async () => {
    await demo.command('policy', 'set', ...IDLE);
    // Settings count from the next input on.
    await both((page) => page.keyboard.press('Shift'));
    await dialogOf(grace).getByText('Are you still there?').waitFor();
    await press(grace, 'I’m still here');
    await demo.command('policy', 'set', 'idleLogoffMs=0');
    await ada.keyboard.press('Escape');
    await both((page) => dialogOf(page).waitFor({ state: 'hidden' }));
  });

  it('[C2][O5][O12] saves by itself what nobody saves, is logged off from the command line, and kept out', async () => {
    const margaret = await demo.office('margaret');
    await edit(margaret, 'invoices/1044', 'Typed by Margaret.');
    const args = ['--user', 'margaret', '--grace', '2s', '--deny', '1m', '-m', MESSAGE, '--wait'];
    const { code, out } = await demo.command('logoff', ...args);
    expect(code).to.equal(0);
    expect(out).to.match(/Margaret \(margaret\) +clean +yes/);
    expect(await saved(margaret, 'invoices/1044')).to.equal('Typed by Margaret.');
    await margaret.getByText(/sign in again in \d:\d\d/).waitFor();
    expect(await margaret.getByRole('button', { name: 'Sign in again' }).isDisabled()).to.equal(true);
    await margaret.reload();
    await margaret.getByRole('heading', { name: 'You cannot sign in now' }).waitFor();
  });

  it('[S2] comes back as the same session after a reload, and forgets who signed out', async () => {
    const before = await demo.sessionsOf('ada');
    await ada.reload();
    await ada.getByText('Online').waitFor();
    expect(await demo.sessionsOf('ada')).to.deep.equal(before);
    await press(ada, 'Sign out');
    await ada.getByRole('heading', { name: 'Who are you today?' }).waitFor();
    expect(await demo.sessionsOf('ada')).to.deep.equal([]);
  });

  it('fits a window of 360 pixels, and gives axe nothing to find, light and dark', async () => {
    await edit(grace, 'invoices/1042');
    for (const page of [ada, grace, admin]) {
      expect(await faultsOf(page)).to.deep.equal([]);
      await page.setViewportSize({ width: 360, height: 700 });
      expect(await overflowOf(page)).to.be.at.most(0);
    }
  });

  it('[L2] shows two people and the administrator side by side, each with a session of their own', async () => {
    await close(grace);
    await press(grace, 'Sign out');
    const page = await demo.open('both.html');
    await page.setViewportSize({ width: 1_560, height: 900 });
    await page.getByRole('button', { name: 'Second person' }).press('Enter');
    const [first, second, third] = ['first', 'second', 'admin'].map((name) =>
      page.frameLocator(`[name="${name}"]`),
    );
    await first?.locator('[data-resource="invoices/1045"]').press('Enter');
    await first?.getByLabel('Note').fill('Reminded by phone on Monday.');
    await second?.locator('[data-resource="invoices/1045"]').press('Enter');
    await second?.locator('lastcall-editing').getByText('Ada is editing').waitFor();
    await third?.getByText('1 with unsaved work').waitFor();
    await demo.picture(page, 'demo-both');
    await page.close();
  });
});
