import type { SaveHandler } from '@lastcall/client';
import type { Drafts } from '@lastcall/client/drafts';
import { useEditors, useRecordLock, useSave, useSession, useWarning } from '@lastcall/client/react';
import { createElement as h, type ReactElement, useState } from 'react';

export const RESOURCE = 'invoices/7';

export interface DeskProps {
  readonly editing: boolean;
  readonly save: (text: string) => unknown;
  readonly drafts: Drafts;
  /** Told of each drawing of a part. */
  readonly drawn: (part: 'session' | 'editor') => void;
}

/** An application that uses every hook, the same on a server and in a page. */
export function Desk({ editing, ...props }: DeskProps): ReactElement {
  return h('main', null, h(Session, props), h(Others), editing && h(Editor, props));
}

function Session({ drawn }: Pick<DeskProps, 'drawn'>): ReactElement {
  const { status, user, ended } = useSession();
  const warning = useWarning();
  drawn('session');
  return h(
    'header',
    null,
    h('p', { id: 'session' }, [status, user?.name, ended?.reason].filter(Boolean).join(' ')),
    warning && h('p', { role: 'alert' }, `${warning.message} ${warning.secondsLeft}`),
  );
}

function Others(): ReactElement {
  const { live, of } = useEditors('invoices/');
  const names = of(RESOURCE).map(({ user }) => user.name);
  return h('p', { id: 'others' }, live ? names.join() || 'nobody' : 'blind');
}

function Editor({ save, drafts, drawn }: Omit<DeskProps, 'editing'>): ReactElement {
  const { phase, request, secondsLeft, keep } = useRecordLock(RESOURCE);
  const [text, setText] = useState('');
  const [saved, setSaved] = useState('');
  const handler: SaveHandler = () => {
    save(text);
    setSaved(text);
  };
  const { saving, save: saveNow } = useSave(handler, {
    isDirty: text !== saved,
    resource: RESOURCE,
    drafts,
    read: () => text,
  });
  drawn('editor');
  return h(
    'form',
    null,
    h('p', { id: 'phase' }, phase),
    h('textarea', {
      'aria-label': 'Note',
      value: text,
      onChange: (event: { readonly target: { readonly value: string } }) => {
        setText(event.target.value);
      },
    }),
    h('button', { type: 'button', onClick: saveNow, disabled: saving }, 'Save'),
    request && h('button', { type: 'button', onClick: keep }, `Keep ${secondsLeft}`),
  );
}
