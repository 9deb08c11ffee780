import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { PLAIN_TABLE } from '../pages/plain-table.js';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** @throws Error when there is no chromium on this machine */
export async function startBrowser(): Promise<Browser> {
  const executablePath = PLACES.find((place) => existsSync(place));
  if (executablePath === undefined) throw new Error('chromium is needed: install it, then try again.');
  return await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
}

/** Serves the plain table on a free port of loopback. */
export async function servePlainTable(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { resolve: find } = createRequire(import.meta.url);
  const script = readFileSync(join(dirname(find('socket.io-client/package.json')), 'dist/socket.io.min.js'));
  const server = createServer((request, response) => {
    const isScript = request.url === '/socket.io.min.js';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    response.end(isScript ? script : PLAIN_TABLE);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** When the first row stood in the page, after its navigation began, in milliseconds. */
export async function firstRow(page: Page, selector: string): Promise<number> {
  return await page.evaluate(
    (rows) =>
      new Promise<number>((resolve) => {
        const look = (): void => {
          if (document.querySelector(rows)) resolve(performance.now());
          else requestAnimationFrame(look);
        };
        look();
      }),
    selector,
  );
}

/** Frames a second for so long, while it scrolls up and down `scroller`. */
export async function framesWhileScrolling(page: Page, scroller: string, ms: number): Promise<number> {
  return await page.evaluate(
    async ({ where, forMs }) => {
      const element = document.querySelector(where) ?? document.documentElement;
      const startedAt = performance.now();
      let frames = 0;
      let at = 0;
      while (performance.now() - startedAt < forMs) {
        await new Promise((resolve) => {
          requestAnimationFrame(resolve);
        });
        frames += 1;
        at = (at + 120) % Math.max(1, element.scrollHeight - element.clientHeight);
        element.scrollTop = at;
      }
      return (frames * 1_000) / (performance.now() - startedAt);
    },
    { where: scroller, forMs: ms },
  );
}

/** From each key to the next picture with it, in milliseconds; the text is typed as a person does, and taken away. */
export async function typing(page: Page, input: string, text: string): Promise<readonly number[]> {
  await page.evaluate((where) => {
    const times: number[] = [];
    Object.assign(window, { keyTimes: times });
    document.querySelector(where)?.addEventListener('input', ({ timeStamp }) => {
      // After the frame that follows the event the picture is on its way.
      requestAnimationFrame(() => setTimeout(() => times.push(performance.now() - timeStamp)));
    });
  }, input);
  const field = page.locator(input);
  await field.pressSequentially(text, { delay: 120 });
  for (const _ of text) await field.press('Backspace', { delay: 60 });
  return await page.evaluate(() => (window as unknown as { keyTimes: number[] }).keyTimes);
}
