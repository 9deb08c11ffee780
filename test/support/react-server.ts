import type { LastcallClient } from '@lastcall/client';
import { keepDrafts } from '@lastcall/client/drafts';
import { LastcallProvider } from '@lastcall/client/react';
import { createElement as h } from 'react';
import { renderToString } from 'react-dom/server';
import { Desk } from './react-desk.js';

/** The application as a server draws it. */
export function drawnByServer(client: LastcallClient): string {
  const drafts = keepDrafts(client);
  const props = { editing: true, drafts, save: () => undefined, drawn: () => undefined };
  try {
    return renderToString(h(LastcallProvider, { client }, h(Desk, props)));
  } finally {
    drafts.close();
  }
}
