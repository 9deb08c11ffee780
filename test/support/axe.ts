import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface RunOnly {
  readonly type: 'tag' | 'rule';
  readonly values: readonly string[];
}
interface Axe {
  run(options: object): Promise<{
    violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  }>;
}
declare const window: Window & { axe?: Axe };

/** What everything is held to. */
export const RULES: RunOnly = {
  type: 'tag',
  values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
};
/** The colours alone, for the other scheme: nothing else changes. */
export const COLOURS: RunOnly = { type: 'rule', values: ['color-contrast'] };

/** What is not accessible on the page, by axe: rule, element and why. */
export async function violationsOf(page: Page, runOnly = RULES, iframes = true): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
  const found = await page.evaluate(async (options) => (await window.axe?.run(options))?.violations ?? [], {
    runOnly,
    iframes,
  });
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
  );
}

/** The same in light, and the colours in dark, without what is in its frames. */
export async function faultsOf(page: Page): Promise<readonly string[]> {
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await violationsOf(page, RULES, false);
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await violationsOf(page, COLOURS, false);
  await page.emulateMedia({ colorScheme: 'light' });
  return [...light, ...dark.map((fault) => `dark ${fault}`)];
}
