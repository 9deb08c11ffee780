import { existsSync } from 'node:fs';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { waitUntil } from './wait.js';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const START_LIMIT_MS = 30_000;

/**
 * The browser of this machine. Without one the suite says what it leaves out; where every change is checked (CI=true)
 * that is a failure.
 * @param ignoreDefaultArgs settings of playwright's that are not wanted
 */
export async function startBrowser(
  suite: Mocha.Context,
  what: string,
  ignoreDefaultArgs: string[] = [],
): Promise<Browser> {
  const executablePath = PLACES.find((place) => existsSync(place));
  if (executablePath === undefined) {
    if (process.env['CI'] === 'true')
      throw new Error(`There is no chromium for ${what}: apt-get install chromium`);
    process.stderr.write(`    left out for want of chromium: ${what}\n`);
    return suite.skip();
  }
  // Chromium's own sandbox does not work for root, in containers.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args, ignoreDefaultArgs, timeout: START_LIMIT_MS });
}

/** Everything a page complains about: errors of its scripts, and what the content security policy has stopped. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    // A broker that is short of time for a moment is not ready and says so, which browsers call a failure.
    if (message.location().url.endsWith('/readyz')) return;
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  return complaints;
}

/** Waits until a field shows a text: another window's save is seen a moment later. */
export async function fieldShows(field: Locator, text: string): Promise<void> {
  await waitUntil(async () => (await field.inputValue()) === text, `the field to show ${text}`);
}
