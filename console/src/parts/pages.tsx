import type { Page } from '@lastcall/shared';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { type Called, useCall } from '../data/use-call.js';
import { useText } from '../i18n/context.js';
import { termsText } from '../i18n/terms/index.js';

/** How many rows a list has at once. */
export const PAGE_ROWS = 100;

export interface Pages<T> extends Called<Page<T>> {
  readonly items: readonly T[];
  readonly isFirst: boolean;
  readonly pager: { readonly newer?: () => void; readonly older?: () => void };
}

/**
 * A list page by page, the latest first: only the page that is looked at is kept, with the way back to those before.
 * Another `key` begins with the first page.
 */
export function usePages<T>(
  key: string,
  call: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
): Pages<T> {
  const [place, setPlace] = useState<{ readonly key: string; readonly cursors: readonly string[] }>({
    key,
    cursors: [],
  });
  const cursors = place.key === key ? place.cursors : [];
  const cursor = cursors.at(-1);
  const called = useCall(`${key}\n${cursor ?? ''}`, (signal) => call(cursor, signal));
  const next = called.value?.next;
  return {
    ...called,
    items: called.value?.items ?? [],
    isFirst: cursor === undefined,
    pager: {
      ...(cursor === undefined ? {} : { newer: () => setPlace({ key, cursors: cursors.slice(0, -1) }) }),
      ...(next === undefined ? {} : { older: () => setPlace({ key, cursors: [...cursors, next] }) }),
    },
  };
}

/** The buttons below a list that lead to its other pages; nothing when there is one page. */
export function Pager({ newer, older }: Pages<unknown>['pager']) {
  const say = useText(termsText);
  if (!newer && !older) return null;
  return (
    <nav className="lc-pager" aria-label={say('pages')}>
      <Button variant="default" size="xs" disabled={!newer} onClick={newer}>
        {say('newer')}
      </Button>
      <Button variant="default" size="xs" disabled={!older} onClick={older}>
        {say('older')}
      </Button>
    </nav>
  );
}
