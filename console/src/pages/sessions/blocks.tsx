import type { Block } from '@lastcall/shared';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { useConsole, useFeed } from '../../data/context.js';
import { useRefresh } from '../../data/use-refresh.js';
import { useFormat, useText } from '../../i18n/context.js';
import { useActor } from '../../parts/actor.js';
import { Side } from '../../parts/dialog.js';
import { Empty, Failure } from '../../parts/page.js';
import { PAGE_ROWS, Pager, usePages } from '../../parts/pages.js';
import { sessionsText } from './text/index.js';

interface BlockLineProps {
  readonly block: Block;
  readonly onLifted: () => void;
}

function BlockLine({ block, onLifted }: BlockLineProps) {
  const say = useText(sessionsText);
  const format = useFormat();
  const actor = useActor();
  const { api } = useConsole();
  const [problem, setProblem] = useState<unknown>();
  const { id, user, untilAt, notBeforeAt, reason, by, createdAt } = block;
  const lift = async (): Promise<void> => {
    try {
      await api.liftBlock(id);
      onLifted();
    } catch (error) {
      setProblem(error);
    }
  };
  const span =
    untilAt === undefined ? say('block.lifted') : say('blocks.until', { time: format.dateTime(untilAt) });
  return (
    <li>
      <span>
        <b>{user}</b> · {span}
        {notBeforeAt !== undefined && ` · ${say('blocks.tokens', { time: format.dateTime(notBeforeAt) })}`}
        <br />
        <span className="lc-soft">
          {reason} · {actor(by)} · {format.dateTime(createdAt)}
        </span>
      </span>
      <Button size="compact-xs" variant="default" onClick={() => void lift()}>
        {say('blocks.lift')}
      </Button>
      <Failure error={problem} />
    </li>
  );
}

/** Who is kept out, for how long and why; and a way to let them in again. */
export function BlocksSide({ onClose }: { readonly onClose: () => void }) {
  const say = useText(sessionsText);
  const { api } = useConsole();
  const { records } = useFeed('records');
  const pages = usePages('blocks', (cursor) =>
    api.blocks({ limit: PAGE_ROWS, ...(cursor ? { cursor } : {}) }),
  );
  const latest = records.find(({ type }) => type === 'block.changed');
  useRefresh(latest ? `${latest.epoch}.${latest.rev}` : '', pages.again);
  return (
    <Side title={say('blocks.title')} onClose={onClose}>
      <Failure error={pages.error} onRetry={pages.again} />
      {pages.items.length === 0 && !pages.isBusy && <Empty icon="block">{say('blocks.none')}</Empty>}
      <ul className="lc-lines">
        {pages.items.map((block) => (
          <BlockLine key={block.id} block={block} onLifted={pages.again} />
        ))}
      </ul>
      <Pager {...pages.pager} />
    </Side>
  );
}
