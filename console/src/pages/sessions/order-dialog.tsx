import { MAX_TARGET_LIST, type OrderAction } from '@lastcall/shared';
import { useDebouncedValue } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useConsole } from '../../data/context.js';
import { useCall } from '../../data/use-call.js';
import { useText } from '../../i18n/context.js';
import { useConfirm } from '../../parts/confirm.js';
import { Dialog, DialogForm } from '../../parts/dialog.js';
import { Failure } from '../../parts/page.js';
import { Hits } from './hits.js';
import { OrderFields } from './order-fields.js';
import { canBeNamed, type Draft, firstDraft, requestOf, type Whom } from './order-request.js';
import { sessionsText } from './text/index.js';

/** How long nothing is chosen until the broker is asked who would be hit, in milliseconds. */
const PREVIEW_AFTER_MS = 200;

export interface OrderDialogProps {
  readonly action: OrderAction;
  readonly whom: Whom;
  readonly onClose: () => void;
}

/** Whom the order would hit; what is typed does not change that, so the message is left out. */
function usePreview(draft: Draft, whom: Whom) {
  const { api } = useConsole();
  const [asked] = useDebouncedValue(draft.reason, PREVIEW_AFTER_MS);
  return useCall(asked, async (signal) => {
    if (!canBeNamed(whom)) return undefined;
    return await api.previewOrder({ ...requestOf(draft, whom), message: '–' }, signal);
  });
}

/** Warns, or warns and logs off, after showing who is hit. */
export function OrderDialog({ action, whom, onClose }: OrderDialogProps) {
  const say = useText(sessionsText);
  const { api, feed } = useConsole();
  const [draft, setDraft] = useState(() => firstDraft(action, say('text.save')));
  const [key] = useState(() => crypto.randomUUID());
  const preview = usePreview(draft, whom);
  const count = preview.value?.total ?? 0;
  const { isConfirmed, element } = useConfirm(count);
  const give = async (): Promise<void> => {
    feed.know(await api.giveOrder(requestOf(draft, whom), key));
    notifications.show({ message: say('act.given') });
  };
  return (
    <Dialog title={say(action === 'warn' ? 'act.warnTitle' : 'act.logoffTitle')} size="lg" onClose={onClose}>
      <DialogForm
        isReady={count > 0 && isConfirmed && draft.message.trim() !== ''}
        submit={say(action === 'warn' ? 'act.warnDo' : 'act.logoffDo', { count })}
        isDangerous={action === 'logoff'}
        act={give}
        onClose={onClose}
      >
        <OrderFields
          draft={draft}
          onChange={(changed) => setDraft((before) => ({ ...before, ...changed }))}
        />
        {!canBeNamed(whom) && <Failure error={new Error(say('act.tooMany', { count: MAX_TARGET_LIST }))} />}
        {preview.value ? <Hits preview={preview.value} /> : null}
        <Failure error={preview.error} onRetry={preview.again} />
        {element}
      </DialogForm>
    </Dialog>
  );
}
