import type { Order, Receipt } from '@lastcall/shared';
import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useConsole } from '../../data/context.js';
import { useRefresh } from '../../data/use-refresh.js';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { Side } from '../../parts/dialog.js';
import { Facts } from '../../parts/facts.js';
import { Card, Empty, Failure } from '../../parts/page.js';
import { PAGE_ROWS, Pager, usePages } from '../../parts/pages.js';
import { Proof } from '../../parts/proof.js';
import { Table } from '../../parts/table.js';
import { hrefOf } from '../../shell/route.js';
import { exportReceipts } from './export.js';
import { ordersText } from './text/index.js';

function Verdict({ receipt: { verified, outcome } }: { readonly receipt: Receipt }) {
  const term = useText(termsText);
  const word = outcome ? term(`outcome.${outcome}`) : '';
  if (verified === undefined) return word === '' ? '–' : word;
  return (
    <span className="lc-verdict" data-ok={verified || undefined}>
      {[word, term(verified ? 'step.verified' : 'step.unverified')].filter(Boolean).join(' · ')}
    </span>
  );
}

/** One session's receipt: when it got how far, and what proves that it is gone. */
function Details({ receipt, onClose }: { readonly receipt: Receipt; readonly onClose: () => void }) {
  const say = useText(ordersText);
  const term = useText(termsText);
  const format = useFormat();
  const at = (instant: number | undefined): ReactNode =>
    instant === undefined ? '–' : format.dateTime(instant);
  return (
    <Side title={receipt.user.name} onClose={onClose}>
      <Facts
        rows={[
          [
            say('session'),
            <a key="session" href={hrefOf('sessions', receipt.sessionId)}>
              <code>{receipt.sessionId}</code>
            </a>,
          ],
          [term('state'), term(`receipt.${receipt.state}`)],
          [say('outcome'), <Verdict key="verdict" receipt={receipt} />],
          [term('step.delivered'), at(receipt.deliveredAt)],
          [term('step.seen'), at(receipt.seenAt)],
          [term('step.saved'), at(receipt.savedAt)],
          [term('step.ended'), at(receipt.endedAt)],
        ]}
      />
      {receipt.checks && (
        <>
          <h3>{say('proof')}</h3>
          <Proof checks={receipt.checks} />
        </>
      )}
    </Side>
  );
}

function Exports({ order }: { readonly order: Order }) {
  const say = useText(ordersText);
  const { api } = useConsole();
  const [busy, setBusy] = useState('');
  const [problem, setProblem] = useState<unknown>();
  const save = async (kind: 'csv' | 'json'): Promise<void> => {
    setBusy(kind);
    setProblem(undefined);
    await exportReceipts(api, order.id, kind).catch(setProblem);
    setBusy('');
  };
  return (
    <div className="lc-page-actions">
      {(['csv', 'json'] as const).map((kind) => (
        <Button
          key={kind}
          size="xs"
          variant="default"
          loading={busy === kind}
          onClick={() => void save(kind)}
        >
          {say(kind)}
        </Button>
      ))}
      <Failure error={problem} />
    </div>
  );
}

/** What became of every session that an order is for. */
export function Receipts({ order }: { readonly order: Order }) {
  const say = useText(ordersText);
  const term = useText(termsText);
  const format = useFormat();
  const { api } = useConsole();
  const pages = usePages(order.id, (cursor) =>
    api.receipts(order.id, { limit: PAGE_ROWS, ...(cursor ? { cursor } : {}) }),
  );
  useRefresh(`${order.state} ${Object.values(order.counts).join(' ')}`, pages.again);
  const [shown, setShown] = useState('');
  const open = pages.items.find(({ sessionId }) => sessionId === shown);
  const last = ({ endedAt, savedAt, seenAt, deliveredAt }: Receipt): string => {
    const at = endedAt ?? savedAt ?? seenAt ?? deliveredAt;
    return at === undefined ? '–' : format.time(at);
  };
  const rows = pages.items.map((receipt) => ({
    key: receipt.sessionId,
    cells: [
      <button key="who" type="button" className="lc-plain" onClick={() => setShown(receipt.sessionId)}>
        {receipt.user.name}
      </button>,
      term(`receipt.${receipt.state}`),
      last(receipt),
      <Verdict key="verdict" receipt={receipt} />,
    ],
  }));
  const columns = [term('person'), term('state'), term('at'), say('outcome')];
  return (
    <Card title={say('receipts')} actions={<Exports order={order} />}>
      <Failure error={pages.error} onRetry={pages.again} />
      {rows.length > 0 && <Table label={say('receipts')} columns={columns} rows={rows} />}
      {rows.length === 0 && !pages.isBusy && <Empty icon="orders">{say('noReceipts')}</Empty>}
      <Pager {...pages.pager} />
      {open && <Details receipt={open} onClose={() => setShown('')} />}
    </Card>
  );
}
