import type { Session } from '@lastcall/shared';
import { Select, Textarea, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useConsole } from '../../data/context.js';
import { useFormat, useText } from '../../i18n/context.js';
import { useConfirm } from '../../parts/confirm.js';
import { Dialog, DialogForm } from '../../parts/dialog.js';
import { Failure } from '../../parts/page.js';
import { sessionsText } from './text/index.js';

const HOUR = 3_600_000;
const SPANS = [HOUR, 8 * HOUR, 24 * HOUR, 7 * 24 * HOUR];
const UNTIL_LIFTED = '';
/** Each person is a call of its own. */
const MAX_PEOPLE = 50;
const MAX_TEXT = 500;

export interface BlockDialogProps {
  readonly sessions: readonly Session[];
  readonly onClose: () => void;
}

interface Draft {
  /** In milliseconds, as text; {@link UNTIL_LIFTED} for no end. */
  readonly span: string;
  readonly reason: string;
  readonly message: string;
}

interface FieldsProps {
  readonly draft: Draft;
  readonly onChange: (changed: Partial<Draft>) => void;
}

function Fields({ draft, onChange }: FieldsProps) {
  const say = useText(sessionsText);
  const format = useFormat();
  return (
    <>
      <Select
        label={say('block.until')}
        data={[
          ...SPANS.map((ms) => ({ value: String(ms), label: format.duration(ms) })),
          { value: UNTIL_LIFTED, label: say('block.lifted') },
        ]}
        value={draft.span}
        onChange={(span) => onChange({ span: span ?? UNTIL_LIFTED })}
        allowDeselect={false}
      />
      <TextInput
        label={say('block.reason')}
        value={draft.reason}
        onChange={(event) => onChange({ reason: event.currentTarget.value })}
        maxLength={MAX_TEXT}
        required
        data-autofocus
      />
      <Textarea
        label={say('block.message')}
        value={draft.message}
        onChange={(event) => onChange({ message: event.currentTarget.value })}
        maxLength={MAX_TEXT}
        rows={3}
      />
    </>
  );
}

/** Keeps people out, for a while or until it is lifted. */
export function BlockDialog({ sessions, onClose }: BlockDialogProps) {
  const say = useText(sessionsText);
  const { api, feed } = useConsole();
  const people = [...new Map(sessions.map(({ user }) => [user.id, user])).values()];
  const [key] = useState(() => crypto.randomUUID());
  const [draft, setDraft] = useState<Draft>({ span: String(HOUR), reason: '', message: '' });
  const count = people.length;
  const { isConfirmed, element } = useConfirm(count);
  const reason = draft.reason.trim();
  const message = draft.message.trim();

  const block = async (): Promise<void> => {
    const until =
      draft.span === UNTIL_LIFTED ? {} : { untilAt: Math.round(feed.clock.now()) + Number(draft.span) };
    const text = message === '' ? {} : { message };
    for (const [index, { id }] of people.entries()) {
      await api.block({ user: id, reason, ...until, ...text }, `${key}-${index}`);
    }
    notifications.show({ message: say('block.done', { count }) });
  };
  return (
    <Dialog title={say('block.title')} onClose={onClose}>
      <DialogForm
        isReady={isConfirmed && reason !== '' && count <= MAX_PEOPLE}
        submit={say('block.do', { count })}
        isDangerous
        act={block}
        onClose={onClose}
      >
        <p className="lc-soft">{say('block.lead')}</p>
        <p className="lc-names" tabIndex={0}>
          {people.map(({ name }) => name).join(', ')}
        </p>
        <Fields draft={draft} onChange={(changed) => setDraft((before) => ({ ...before, ...changed }))} />
        {count > MAX_PEOPLE && <Failure error={new Error(say('block.tooMany', { count: MAX_PEOPLE }))} />}
        {element}
      </DialogForm>
    </Dialog>
  );
}
