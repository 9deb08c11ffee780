import { mkdirSync } from 'node:fs';
import type { Browser, BrowserContext, Page, Request } from 'playwright-core';
import { violationsOf } from './axe.js';
import { complaintsOf } from './browser.js';

/** Where pictures are kept, if they are asked for. */
export const PICTURES = process.env['PICTURES'];

/** The console in a window of its own, and everything it asked for and complained about. */
export class ConsolePage {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly complaints: string[];
  readonly requests: Request[] = [];
  readonly sockets: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    this.complaints = complaintsOf(page);
    context.on('request', (request) => this.requests.push(request));
    page.on('websocket', (socket) => this.sockets.push(socket.url()));
  }

  static async open(browser: Browser, url: string, width = 1_280): Promise<ConsolePage> {
    const context = await browser.newContext({
      viewport: { width, height: 800 },
      colorScheme: 'light',
      reducedMotion: 'reduce',
      locale: 'en-GB',
    });
    context.setDefaultTimeout(10_000);
    const opened = new ConsolePage(context, await context.newPage());
    await opened.page.goto(url);
    return opened;
  }

  /** Signs in with a token, as whoever has no link. */
  async signIn(token: string): Promise<void> {
    await this.page.getByRole('textbox', { name: 'Token' }).fill(token);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
  }

  /** Keeps a picture of the window, if pictures are asked for (`npm run pictures:console`). */
  async picture(name: string): Promise<void> {
    if (PICTURES === undefined) return;
    mkdirSync(PICTURES, { recursive: true });
    await this.page.evaluate(() => {
      for (const notice of document.querySelectorAll<HTMLElement>('.mantine-Notifications-root'))
        notice.style.visibility = 'hidden';
    });
    await this.page.screenshot({ path: `${PICTURES}/console-${name}.png`, animations: 'disabled' });
  }

  /** What is not accessible, by axe: rule and element. */
  barriers(): Promise<string[]> {
    return violationsOf(this.page);
  }

  /** What makes the window scroll sideways, if it does once it has its width. */
  async wide(): Promise<string[]> {
    const fits = () => document.documentElement.scrollWidth <= window.innerWidth;
    await this.page.waitForFunction(fits, undefined, { timeout: 2_000 }).catch(() => undefined);
    return await this.page.evaluate(() => {
      if (document.documentElement.scrollWidth <= window.innerWidth) return [];
      const isOut = (element: Element): boolean => {
        const { left, right } = element.getBoundingClientRect();
        return left < -1 || right > window.innerWidth + 1;
      };
      return [...document.querySelectorAll('body *')]
        .filter(isOut)
        .map(({ outerHTML }) => outerHTML.slice(0, 120));
    });
  }

  /** Where it went that is not on this origin. */
  strangers(origin: string): string[] {
    const { host } = new URL(origin);
    const addresses = [...this.requests.map((request) => request.url()), ...this.sockets];
    return addresses.filter((address) => !address.startsWith('data:') && new URL(address).host !== host);
  }

  close(): Promise<void> {
    return this.context.close();
  }
}
