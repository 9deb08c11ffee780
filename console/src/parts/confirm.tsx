import { Checkbox, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useText } from '../i18n/context.js';
import { termsText } from '../i18n/terms/index.js';

/** The more are hit, the more is asked for: a click, a tick, the number. */
export type Confirmation = 'click' | 'tick' | 'type';
const TICK_FROM = 10;
const TYPE_FROM = 50;

export function confirmationFor(count: number): Confirmation {
  if (count >= TYPE_FROM) return 'type';
  return count >= TICK_FROM ? 'tick' : 'click';
}

/** Asks for a confirmation that grows with how many are hit; `element` stands above the button that is not to be pressed before. */
export function useConfirm(count: number): { readonly isConfirmed: boolean; readonly element: ReactNode } {
  const say = useText(termsText);
  const [isTicked, setTicked] = useState(false);
  const [typed, setTyped] = useState('');
  const kind = confirmationFor(count);
  if (kind === 'click') return { isConfirmed: true, element: null };
  if (kind === 'tick') {
    const tick = (
      <Checkbox
        label={say('confirm.check')}
        checked={isTicked}
        onChange={(event) => setTicked(event.currentTarget.checked)}
      />
    );
    return { isConfirmed: isTicked, element: tick };
  }
  const field = (
    <TextInput
      className="lc-type-count"
      label={say('confirm.type', { number: String(count) })}
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value)}
      inputMode="numeric"
      autoComplete="off"
    />
  );
  return { isConfirmed: typed.trim() === String(count), element: field };
}
