import { mkdirSync } from 'node:fs';
import { COLOURS, RULES, violationsOf } from './axe.js';
import type { ElementsWindow } from './elements-page.js';
import { type ElementsStage, WINDOW } from './elements-stage.js';

/** Pictures for the documents are taken when this names a folder. */
const PICTURES = process.env['PICTURES'];
const SCHEMES = { light: RULES, dark: COLOURS } as const;
/** A window of 1 280 pixels at four times its size. */
const NARROW = { width: 320, height: 640 };

declare const window: ElementsWindow;

interface State {
  /** What is there to be seen then. */
  readonly sign: string;
  begin(stage: ElementsStage): unknown;
  end(stage: ElementsStage): unknown;
}

const phases = ({ page }: ElementsStage) =>
  page.evaluate(() => {
    window.phases();
  });
const noPhases = ({ page }: ElementsStage) =>
  page.evaluate(() => document.querySelector('#phases')?.replaceChildren());

const warned = (sign: string, changes: Parameters<ElementsStage['warn']>[1] = {}): State => ({
  sign,
  begin: (stage) => {
    stage.warn(sign, changes);
  },
  end: (stage) => {
    stage.withdraw(sign);
  },
});

/** Every state of every element, each as it follows on the one before. */
const STATES: Readonly<Record<string, State>> = {
  badge: { sign: 'Waiting: place 3 in line', begin: phases, end: noPhases },
  warning: warned('Please save your work'),
  bar: {
    ...warned('You will be signed out in'),
    begin: async (stage) => {
      stage.warn('You will be signed out in', { deadlineMs: 270_000 });
      await stage.dialog(/save your work/).waitFor();
      await stage.press('Escape');
    },
  },
  idle: warned('Are you still there?', { reason: 'idle', by: { kind: 'policy' }, extendable: false }),
  message: warned('A message for you', { action: 'warn', message: 'Lunch is ready.' }),
  ask: {
    sign: 'Ask Ada Lovelace for invoice 12',
    begin: async (stage) => {
      await phases(stage);
      await stage.button('Ask for it').first().click();
    },
    end: async (stage) => {
      await stage.press('Escape');
      await noPhases(stage);
    },
  },
  asked: {
    sign: 'Grace Hopper asks for invoice 7',
    begin: async (stage) => {
      await stage.edit();
      stage.askFor('asked');
    },
    end: (stage) => stage.button('Keep it').click(),
  },
  lost: {
    sign: 'You can no longer edit invoice 7',
    begin: (stage) => {
      stage.take();
    },
    end: (stage) => stage.button('OK').click(),
  },
  draft: {
    sign: 'Your unsaved work was kept',
    begin: async (stage) => {
      await stage.note.fill('Typed and not saved, once more.');
      await stage.fail(true);
      stage.end({ reason: 'idle', by: { kind: 'policy' } });
      await stage.button('Sign in again').click();
    },
    end: async (stage) => {
      await stage.fail(false);
      await stage.button('Restore').click();
    },
  },
  ended: {
    sign: 'You have been logged off',
    begin: (stage) => {
      stage.end({ reentryMs: 90_000 });
    },
    end: () => undefined,
  },
};

/** Looks at every state, light and dark and in a narrow window, takes its picture if wanted; gives the faults. */
export async function faultsOfStates(stage: ElementsStage): Promise<readonly string[]> {
  const { page } = stage;
  const found: string[] = [];
  for (const [name, state] of Object.entries(STATES)) {
    await state.begin(stage);
    await page.getByText(state.sign).locator('visible=true').first().waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const violations = await violationsOf(page, SCHEMES[colorScheme]);
      found.push(...violations.map((one) => `${name}, ${colorScheme}: ${one}`));
      await picture(stage, name, colorScheme);
    }
    await page.setViewportSize(NARROW);
    const tooWide = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    if (tooWide > 0) found.push(`${name}: ${tooWide} pixels too wide`);
    await page.setViewportSize(WINDOW);
    await state.end(stage);
  }
  return found;
}

async function picture({ page }: ElementsStage, name: string, scheme: string): Promise<void> {
  if (PICTURES === undefined) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.mouse.move(0, 0);
  const what = name === 'badge' ? page.locator('#phases') : page;
  await what.screenshot({ path: `${PICTURES}/elements-${name}-${scheme}.png` });
}
