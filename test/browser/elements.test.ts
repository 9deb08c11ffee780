import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { startBrowser } from '../support/browser.js';
import type { ElementsWindow } from '../support/elements-page.js';
import { ElementsStage, MESSAGE, RECORD } from '../support/elements-stage.js';
import { faultsOfStates } from '../support/elements-states.js';
import { lockOn, wireError } from '../support/fake-broker.js';
import { waitUntil } from '../support/wait.js';

declare const window: ElementsWindow;

describe('the ready-made elements in a browser', function () {
  this.timeout(60_000);
  let browser: Browser | undefined;
  let stage: ElementsStage;

  before(async function () {
    browser = await startBrowser(this, 'the elements in each of their states');
    stage = await ElementsStage.start(browser);
    await stage.open();
  });
  after(async () => {
    await stage?.stop();
    await browser?.close();
  });
  afterEach(() => {
    expect(stage.complaints()).to.deep.equal([]);
  });

  const acks = () => stage.broker.said('order:ack').map(({ state }) => state);

  it('[E2][E3] warns in a dialog that takes the focus, is answered by keys alone, put aside, and gives the focus back', async () => {
    await stage.note.fill('Unsaved.');
    stage.warn('one');
    await stage.dialog('Please save your work').waitFor();
    expect(await stage.focused()).to.equal('Please save your work');
    await stage.press('Space');
    await stage.press('Enter');
    await waitUntil(() => acks().join() === 'seen', 'the warning to be seen');
    const stops = [];
    for (let press = 0; press < 4; press += 1) {
      await stage.press('Tab');
      stops.push(await stage.focused());
    }
    // After the last one comes the browser itself.
    expect(stops.slice(0, 3)).to.deep.equal(['Save and sign out', 'More time', 'Keep working']);
    expect(stops[3]).to.equal('BODY');

    await stage.press('Escape');
    await stage.dialog('Please save your work').waitFor({ state: 'hidden' });
    await stage.page.getByText(/You will be signed out in [01]:\d\d/).waitFor();
    expect(await stage.focused()).to.equal('TEXTAREA');
    await stage.button('Show').focus();
    await stage.press('Enter');
    await stage.dialog('Please save your work').waitFor();
    await stage.button('More time').focus();
    await stage.press('Enter');
    await stage.dialog('Please save your work').getByText('You have 60 seconds now.').waitFor();

    await stage.fail(true);
    await stage.button('Save and sign out').focus();
    await stage.press('Enter');
    await stage.page.getByText('The disk is full.').waitFor();
    await stage.page.getByText('Your work could not be saved.').waitFor();
    await stage.fail(false);
    await stage.press('Enter');
    await waitUntil(() => acks().at(-1) === 'saved', 'the work to be saved');
    expect(await stage.button('Save and sign out').getAttribute('aria-disabled')).to.equal('true');
    expect(await stage.focused()).to.equal('Save and sign out');
    stage.withdraw('one');
    await stage.dialog('Please save your work').waitFor({ state: 'hidden' });
    await stage.page.getByRole('status').getByText('You stay signed in.').waitFor();
  });

  it('[E2] says whether somebody is still there in the words of their language, and shows messages until they are read', async () => {
    stage.warn('idle', { reason: 'idle', by: { kind: 'policy' }, extendable: false });
    await stage.dialog('Are you still there?').getByText('You have not done anything for a while.').waitFor();
    await stage.press('Tab');
    expect(await stage.focused()).to.equal('I’m still here');
    const before = stage.broker.said('activity').length;
    await stage.press('Enter');
    await waitUntil(() => stage.broker.said('activity').length > before, 'the sign of the person');
    stage.withdraw('idle');
    stage.warn('news', { action: 'warn', message: 'Lunch is ready.' });
    await stage.dialog('A message for you').getByText('Lunch is ready.').waitFor();
    await stage.button('OK').click();
    await stage.dialog('A message for you').waitFor({ state: 'hidden' });
    expect(await stage.page.getByRole('region').count()).to.equal(0);
  });

  it('[E6] asks the holder of a record, who decides later, keeps it, or saves and hands it over', async () => {
    await stage.edit();
    await stage.note.fill('Typed before.');
    stage.askFor('first');
    await stage
      .dialog('Grace Hopper asks for invoice 7')
      .getByText('The customer is on the phone.')
      .waitFor();
    await stage.press('Escape');
    await stage.page.getByRole('region', { name: 'Grace Hopper asks for invoice 7' }).waitFor();
    expect(await stage.focused()).to.equal('TEXTAREA');
    await stage.button('Show').click();
    await stage.button('Keep it').focus();
    await stage.press('Enter');
    await stage.dialog(/asks for/).waitFor({ state: 'hidden' });
    stage.askFor('second');
    await stage.dialog(/asks for/).waitFor();
    await stage.press('Tab');
    expect(await stage.focused()).to.equal('Save and hand over');
    await stage.press('Enter');
    await waitUntil(() => stage.broker.said('lock:answer').length === 2, 'the answers');
    expect(stage.broker.said('lock:answer')).to.deep.equal([
      { requestId: 'first', answer: 'keep' },
      { requestId: 'second', answer: 'yield' },
    ]);
    stage.take();
    await stage.page
      .getByText('Grace Hopper took it over. Your text stays here to be read and copied.')
      .first()
      .waitFor();
    await stage.button('OK').click();
    await stage.page
      .getByRole('region', { name: 'You can no longer edit invoice 7' })
      .waitFor({ state: 'hidden' });
    await stage.button('Get it back').click();
    await stage.page.getByText('You are editing', { exact: true }).waitFor();
    await stage.release();
  });

  it('[E5] shows who edits a record, and lets others ask for it or wait', async () => {
    const holders = stage.hold();
    await stage.badge.getByRole('status').getByText('Grace Hopper is editing').waitFor();
    await stage.badge.getByRole('button', { name: 'Ask for it' }).click();
    await stage.dialog('Ask Grace Hopper for invoice 7', 'dialog').waitFor();
    await stage.press('Tab');
    await stage.page.keyboard.type('Month end');
    await stage.press('Enter');
    await stage.badge.getByRole('status').getByText('Grace Hopper was asked').waitFor();
    expect(stage.broker.said('lock:takeover').at(-1)).to.include({ resource: RECORD, reason: 'Month end' });
    await stage.badge.getByText(/0:\d\d/).waitFor();
    const requestId = stage.broker.said('lock:takeover').at(-1)?.requestId;
    const refused = wireError('takeover_refused', { blockers: holders });
    stage.broker.push('lock:denied', { requestId, error: refused });
    await stage.badge.getByText('Grace Hopper keeps it. Grace Hopper is editing').waitFor();

    await stage.force(refused, ' ', 'At lunch');
    const [, forced, ...others] = stage.broker.said('lock:takeover');
    expect([forced?.reason, others], 'with a reason alone').to.deep.equal(['At lunch', []]);
    stage.broker.answer('lock:acquire', () => ({
      state: 'queued',
      requestId: '',
      position: 3,
      blockers: [],
    }));
    await stage.badge.getByRole('button', { name: 'Wait for it' }).click();
    await stage.badge.getByText('Waiting: place 3 in line').waitFor();
    const waiting = stage.broker.said('lock:acquire').at(-1)?.requestId;
    stage.broker.push('lock:position', { requestId: waiting, resource: RECORD, position: 1 });
    await stage.badge.getByText('Waiting: you are next').waitFor();
    stage.broker.push('lock:granted', { requestId: waiting, lock: lockOn(RECORD, 9) });
    await stage.badge.getByText('You are editing').waitFor();
    // It goes back when its element leaves the page for good, not when that is moved.
    const released = stage.broker.said('lock:release').length;
    await stage.page.evaluate(() => document.querySelector('main')?.append(window.editing()));
    await stage.badge.getByText('You are editing').waitFor();
    expect(stage.broker.said('lock:release').length).to.equal(released);
    await stage.page.evaluate(() => {
      const editing = window.editing();
      editing.remove();
      setTimeout(() => document.querySelector('p')?.append(editing), 50);
    });
    await waitUntil(
      () => stage.broker.said('lock:release').length === released + 1,
      'the lock to be given back',
    );
    stage.broker.push('lock:changed', { resource: RECORD, holders: [], waiters: [] });
    await stage.badge.getByText('Nobody is editing').waitFor();
  });

  it('[E7][E8] says why the session is over and by whom, lets the person in again, and offers what was kept', async () => {
    await stage.edit();
    await stage.note.fill('Typed and not saved.');
    await stage.fail(true);
    stage.end({ reentryMs: 3_000 });
    await stage.dialog('You have been logged off').getByText(MESSAGE).waitFor();
    await stage.dialog('You have been logged off').getByText('– Root').waitFor();
    await stage.page.getByText('Unsaved work is kept on this device.').waitFor();
    await stage.page.getByText('You can sign in again in 0:03.').waitFor();
    expect(await stage.button('Sign in again').getAttribute('aria-disabled')).to.equal('true');
    await stage.press('Escape');
    await stage.press('Escape');
    await stage.dialog('You have been logged off').waitFor();
    await stage.page.clock.runFor(3_500);
    await stage.press('Tab');
    expect(await stage.focused()).to.equal('Sign in again');
    await stage.press('Enter');
    await stage.dialog('You have been logged off').waitFor({ state: 'hidden' });

    const card = stage.page.getByRole('region', { name: 'Your unsaved work was kept' });
    await card.getByText('invoice 7 · ').waitFor();
    await card.getByRole('button', { name: 'Discard' }).click();
    await card.getByRole('button', { name: 'Discard for good' }).waitFor();
    await card.getByRole('button', { name: 'Cancel' }).click();
    await card.getByRole('button', { name: 'Restore' }).click();
    await card.getByText('It could not be restored. It is still kept.').waitFor();
    await stage.fail(false);
    await card.getByRole('button', { name: 'Restore' }).click();
    await card.waitFor({ state: 'hidden' });
    expect(await stage.page.evaluate(() => window.restored.map(({ text }) => text))).to.deep.equal([
      'Typed and not saved.',
    ]);
    expect(await stage.page.evaluate(() => window.drafts.offered())).to.deep.equal([]);
  });

  it('[E9] has no fault that axe finds in any state, light and dark, and fits a narrow window', async () => {
    await stage.release();
    expect(await faultsOfStates(stage)).to.deep.equal([]);
  });

  it('[E4][E10] reads the time left out at a few marks, in words of the language, while eyes see each second', async () => {
    await stage.open({ language: 'de-CH' });
    stage.warn('timed', { deadlineMs: 35_000 });
    await stage.page.getByRole('alertdialog', { name: 'Bitte speichern Sie Ihre Arbeit' }).waitFor();
    const heard = await stage.hear('lastcall-warning');
    await stage.page.clock.runFor(27_000);
    await stage.page
      .getByText(/^0:0\d$/)
      .first()
      .waitFor();
    expect(await heard.jsonValue()).to.deep.equal([
      'Sie werden in 30 Sekunden abgemeldet.',
      'Sie werden in 10 Sekunden abgemeldet.',
    ]);
    stage.withdraw('timed');
  });

  it('[E10][E11] speaks six languages, loads the one that is wanted, goes from right to left, and has every text replaced', async () => {
    expect(stage.loaded).to.deep.equal(['de']);
    await stage.open({ language: 'ar', texts: { keepWorking: 'لا، شكرًا', messageTitle: 'News' } });
    expect(stage.loaded).to.deep.equal(['de', 'ar']);
    await stage.page.emulateMedia({ reducedMotion: 'no-preference' });
    stage.warn('rtl');
    const panel = stage.dialog('يُرجى حفظ عملك');
    await panel.getByRole('button', { name: 'لا، شكرًا' }).waitFor();
    const look = () =>
      panel.evaluate((element) => {
        const { direction, animationName, textAlign } = getComputedStyle(element);
        return { direction, animationName, textAlign, lang: element.closest('[lang]')?.getAttribute('lang') };
      });
    const seen = { direction: 'rtl', textAlign: 'start', lang: 'ar' };
    expect(await look()).to.deep.equal({ ...seen, animationName: 'come' });
    await stage.page.emulateMedia({ reducedMotion: 'reduce' });
    expect(await look()).to.deep.equal({ ...seen, animationName: 'none' });
    const [first, second] = await Promise.all(
      ['حفظ وتسجيل الخروج', 'مزيد من الوقت'].map((name) => panel.getByRole('button', { name }).boundingBox()),
    );
    expect(first?.x).to.be.above(second?.x ?? Number.POSITIVE_INFINITY);

    await stage.page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(
        ':root { --lastcall-accent: rgb(0, 90, 0) } lastcall-warning::part(title) { font-style: italic }',
      );
      document.adoptedStyleSheets = [sheet];
    });
    const styles = await panel.evaluate((element) =>
      ['.primary:not([hidden])', '.title']
        .map((part) => getComputedStyle(element.querySelector(part) ?? element))
        .map(({ backgroundColor, fontStyle }) => [backgroundColor, fontStyle]),
    );
    expect([styles[0]?.[0], styles[1]?.[1]]).to.deep.equal(['rgb(0, 90, 0)', 'italic']);

    // What floats does not cover what has the focus.
    await stage.press('Escape');
    await panel.waitFor({ state: 'hidden' });
    expect(await stage.page.locator('lastcall-screen[top]').count()).to.equal(0);
    await stage.page.evaluate(() => {
      const low = document.createElement('button');
      low.textContent = 'Low';
      low.style.cssText = 'position: fixed; bottom: 2rem';
      document.body.append(low);
      low.focus();
    });
    await stage.page.locator('lastcall-screen[top]').waitFor({ state: 'attached' });
    stage.withdraw('rtl');
  });

  it('[E4] shows the state of the connection, and reads it out once it lasts', async () => {
    const status = stage.page.locator('lastcall-status');
    await stage.page.clock.runFor(2_100);
    expect(await status.getByRole('status').textContent()).to.equal('');
    stage.broker.refuse = () => wireError('unavailable');
    stage.broker.cut();
    await status.getByText('جارٍ إعادة الاتصال …').first().waitFor();
    expect(await status.getByRole('status').textContent()).to.equal('');
    await stage.page.clock.runFor(2_100);
    await status.getByRole('status').getByText('جارٍ إعادة الاتصال …').waitFor();
    stage.broker.refuse = () => undefined;
  });
});
