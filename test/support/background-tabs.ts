import type { Browser, CDPSession } from 'playwright-core';

/** What keeps pages in the background as fast as others, and pages that were left from being kept: not as people have it. */
export const AS_PEOPLE_HAVE_IT = [
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  '--disable-back-forward-cache',
];

interface Answer {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: unknown } };
}

/** Tabs of one window that can be hidden: those that playwright drives are always in front for themselves. */
export class BackgroundTabs {
  readonly #browser: CDPSession;
  readonly #contextId: string;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #calls = 0;

  private constructor(browser: CDPSession, contextId: string) {
    this.#browser = browser;
    this.#contextId = contextId;
    browser.on('Target.receivedMessageFromTarget', ({ message }) => {
      const answer = JSON.parse(message) as Answer;
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
    });
  }

  static async of(browser: Browser): Promise<BackgroundTabs> {
    const session = await browser.newBrowserCDPSession();
    const { browserContextId } = await session.send('Target.createBrowserContext');
    return new BackgroundTabs(session, browserContextId);
  }

  /** Opens a tab in front of the others; gives what evaluates in it. */
  async open(url: string): Promise<<T>(expression: string) => Promise<T>> {
    const { targetId } = await this.#browser.send('Target.createTarget', {
      url,
      browserContextId: this.#contextId,
    });
    const { sessionId } = await this.#browser.send('Target.attachToTarget', { targetId, flatten: false });
    return async <T>(expression: string) => {
      this.#calls += 1;
      const id = this.#calls;
      const params = { expression, returnByValue: true, awaitPromise: true };
      const answered = new Promise<Answer>((resolve) => {
        this.#waiting.set(id, resolve);
      });
      const message = JSON.stringify({ id, method: 'Runtime.evaluate', params });
      await this.#browser.send('Target.sendMessageToTarget', { sessionId, message });
      const { result } = await answered;
      this.#waiting.delete(id);
      return result?.result?.value as T;
    };
  }

  async close(): Promise<void> {
    await this.#browser.send('Target.disposeBrowserContext', { browserContextId: this.#contextId });
    await this.#browser.detach();
  }
}
