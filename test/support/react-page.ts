import { createClient, type LastcallClient } from '@lastcall/client';
import { type Drafts, keepDrafts } from '@lastcall/client/drafts';
import { LastcallProvider, useClient, useSave } from '@lastcall/client/react';
import {
  createElement as h,
  type ReactElement,
  StrictMode,
  startTransition,
  useLayoutEffect,
  useState,
} from 'react';
import { createRoot, hydrateRoot, type Root } from 'react-dom/client';
import { Desk } from './react-desk.js';

export interface SlowDrawing {
  /** What the parts of the page had in hand while they were drawn. */
  readonly had: readonly string[];
  /** What they showed when the page had them first. */
  readonly shown: readonly string[];
}

/** What the tests do in the page, and see of it. */
export interface ReactPageWindow {
  react: {
    client: LastcallClient;
    drafts: Drafts | undefined;
    readonly drawings: { session: number; editor: number };
    readonly saves: string[];
    /** What React complained of while it took over what a server had drawn. */
    readonly mismatches: string[];
    hydrate(html: string, settings: { readonly url: string; readonly token: string }): void;
    setEditing(editing: boolean): void;
    /** Puts other components in the place of all there are. */
    replace(): void;
    unmount(): void;
    /** Draws many parts in a transition, slowly, while the snapshot changes. */
    drawSlowly(how: keyof typeof PARTS): Promise<SlowDrawing>;
  };
}

declare const window: Window & ReactPageWindow;

const PART_COUNT = 20;
const PART_MS = 4;
const drawings = { session: 0, editor: 0 };
const saves: string[] = [];
const mismatches: string[] = [];
let desk: Root | undefined;
let replaced = 0;
let setEditing: (editing: boolean) => void = () => undefined;

function App({ drafts }: { readonly drafts: Drafts }): ReactElement {
  const [editing, set] = useState(true);
  setEditing = set;
  return h(Desk, {
    editing,
    drafts,
    save: (text) => saves.push(text),
    drawn: (part) => {
      drawings[part] += 1;
    },
  });
}

let had = new Set<string>();

function slowly(text: string): ReactElement {
  had.add(text);
  const until = performance.now() + PART_MS;
  while (performance.now() < until);
  return h('b', null, text);
}

const PARTS = {
  byHooks: () => slowly(String(useSave(() => undefined, { isDirty: false }).saving)),
  /** As it would be without a hook that knows of drawings in several steps. */
  byHand: () => slowly(String(useClient().getSnapshot().saving)),
};

interface WallProps {
  readonly how: keyof typeof PARTS;
  readonly drawn: (texts: readonly string[]) => void;
}

function Wall({ how, drawn }: WallProps): ReactElement {
  const [isShown, show] = useState(false);
  useLayoutEffect(() => {
    if (isShown) drawn(Array.from(document.querySelectorAll('#wall b'), ({ textContent }) => textContent));
    else
      startTransition(() => {
        show(true);
      });
  });
  const parts = Array.from({ length: isShown ? PART_COUNT : 0 }, (_, key) => h(PARTS[how], { key }));
  return h('div', { id: 'wall' }, parts);
}

async function drawSlowly(how: keyof typeof PARTS): Promise<SlowDrawing> {
  const { client } = window.react;
  had = new Set();
  let saved = (): void => undefined;
  const leave = client.onSave(
    () =>
      new Promise<void>((resolve) => {
        saved = resolve;
      }),
    { isDirty: () => true },
  );
  const root = createRoot(document.body.appendChild(document.createElement('div')));
  const shown = await new Promise<readonly string[]>((resolve) => {
    root.render(h(LastcallProvider, { client }, h(Wall, { how, drawn: resolve })));
    setTimeout(() => void client.saveNow(), (PART_COUNT * PART_MS) / 2);
  });
  saved();
  leave();
  root.unmount();
  return { had: [...had], shown };
}

function application(key: number): ReactElement {
  const { client, drafts } = window.react;
  const app = drafts && h(App, { drafts });
  return h(StrictMode, null, h(LastcallProvider, { key, client }, app));
}

window.react = {
  client: createClient({ url: 'http://127.0.0.1:1', token: 'none' }),
  drafts: undefined,
  drawings,
  saves,
  mismatches,
  hydrate: (html, { url, token }) => {
    document.body.innerHTML = `<div id="desk">${html}</div>`;
    const client = createClient({ url, token });
    const drafts = keepDrafts(client);
    Object.assign(window.react, { client, drafts });
    const root = document.getElementById('desk');
    if (!root) throw new Error('There is nothing to take over');
    desk = hydrateRoot(root, application(0), {
      onRecoverableError: (error) => mismatches.push(String(error)),
    });
  },
  setEditing: (editing) => {
    setEditing(editing);
  },
  replace: () => {
    replaced += 1;
    desk?.render(application(replaced));
  },
  unmount: () => desk?.unmount(),
  drawSlowly,
};
