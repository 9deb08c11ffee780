import type { LockEntry } from '@lastcall/shared';
import { TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useConsole } from '../../data/context.js';
import { useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { Dialog, DialogForm } from '../../parts/dialog.js';
import { Icon } from '../../parts/icon.js';
import { locksText } from './text/index.js';

const MAX_REASON = 500;

export interface BreakDialogProps {
  readonly entry: LockEntry;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** Takes a lock from all who hold it, after saying who that is, what may be lost and who is next. */
export function BreakDialog({ entry, onDone, onClose }: BreakDialogProps) {
  const say = useText(locksText);
  const term = useText(termsText);
  const { api } = useConsole();
  const [reason, setReason] = useState('');
  const { resource, holders, waiters } = entry;
  const unsaved = holders.filter(({ dirty }) => dirty);
  const names = (people: typeof holders): string => people.map(({ user }) => user.name).join(', ');
  const act = async (): Promise<void> => {
    const { broken } = await api.breakLock(resource, reason.trim());
    notifications.show({ message: say(broken ? 'broken' : 'wasFree', { resource }) });
    onDone();
  };
  return (
    <Dialog title={say('breakTitle')} onClose={onClose}>
      <DialogForm
        isReady={reason.trim() !== ''}
        submit={say('breakDo')}
        isDangerous
        act={act}
        onClose={onClose}
      >
        <p>
          <code>{resource}</code>
        </p>
        <p>{say('breakFrom', { names: names(holders) })}</p>
        {unsaved.length > 0 && (
          <p className="lc-note">
            <Icon name="warning" size={16} /> {say('breakUnsaved', { names: names(unsaved) })}
          </p>
        )}
        <p className="lc-soft">
          {waiters[0] ? say('breakNext', { name: waiters[0].user.name }) : say('breakFree')}
        </p>
        <TextInput
          label={term('reason')}
          description={say('reasonHelp')}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          maxLength={MAX_REASON}
          required
          data-autofocus
        />
      </DialogForm>
    </Dialog>
  );
}
