import type { Maintenance } from '@lastcall/shared';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useConsole, useNow } from '../../data/context.js';
import { useCall } from '../../data/use-call.js';
import { useFormat, useText } from '../../i18n/context.js';
import { useConfirm } from '../../parts/confirm.js';
import { Dialog, DialogForm } from '../../parts/dialog.js';
import { Failure } from '../../parts/page.js';
import { Hits } from '../sessions/hits.js';
import { type Draft, draftOf, firstDraft, hasBegun, previewOf, requestOf, startOf } from './draft.js';
import { PlanFields } from './plan-fields.js';
import { maintenanceText } from './text/index.js';

/** What happens when, if it is planned like that. */
function Course({ draft }: { readonly draft: Draft }) {
  const say = useText(maintenanceText);
  const format = useFormat();
  const now = useNow();
  const start = startOf(draft, now);
  if (start === undefined) return null;
  const marks = draft.ladderMs.map((ms) => start - ms).filter((at) => at > now);
  const [first] = marks;
  const stops = Math.max(now, start - draft.admissionStopsMs);
  return (
    <ul className="lc-course">
      <li>
        {first === undefined
          ? say('courseTellNow')
          : say('courseTell', { time: format.dateTime(first), count: marks.length })}
      </li>
      {!draft.isRehearsal && <li>{say('courseStops', { time: format.dateTime(stops) })}</li>}
      <li>{say(draft.isRehearsal ? 'courseOver' : 'courseOut', { time: format.dateTime(start) })}</li>
    </ul>
  );
}

export interface PlanDialogProps {
  /** The window that is changed; without it one is planned. */
  readonly window?: Maintenance | undefined;
  readonly onClose: () => void;
}

/** Plans a window or changes it, after showing whom it hits and what happens when. */
export function PlanDialog({ window, onClose }: PlanDialogProps) {
  const say = useText(maintenanceText);
  const { api } = useConsole();
  const [draft, setDraft] = useState(() => (window ? draftOf(window) : firstDraft(say('text'))));
  const isOver = window !== undefined && hasBegun(window);
  const asked = `${draft.isRehearsal} ${draft.bypassRoles.join()}`;
  const preview = useCall(asked, (signal) => api.previewOrder(previewOf(draft), signal));
  const { isConfirmed, element } = useConfirm(draft.isRehearsal || isOver ? 0 : (preview.value?.total ?? 0));
  const now = useNow();
  const isReady = draft.message.trim() !== '' && (isOver || startOf(draft, now) !== undefined) && isConfirmed;
  const plan = async (): Promise<void> => {
    await api.setMaintenance(requestOf(draft, window));
    notifications.show({ message: say(window ? 'changed' : 'planned') });
  };
  return (
    <Dialog title={say(window ? 'changeTitle' : 'planTitle')} size="lg" onClose={onClose}>
      <DialogForm
        isReady={isReady}
        submit={say(window ? 'changeDo' : draft.isRehearsal ? 'rehearseDo' : 'planDo')}
        isDangerous={!draft.isRehearsal && !isOver}
        act={plan}
        onClose={onClose}
      >
        <PlanFields
          draft={draft}
          isOver={isOver}
          onChange={(changed) => setDraft((before) => ({ ...before, ...changed }))}
        />
        {!isOver && <Course draft={draft} />}
        {!isOver && preview.value && <Hits preview={preview.value} />}
        <Failure error={preview.error} onRetry={preview.again} />
        {element}
      </DialogForm>
    </Dialog>
  );
}
