import type { AuditRecord } from '@lastcall/shared';
import { Button, Menu, Switch } from '@mantine/core';
import { useMemo, useState } from 'react';
import type { AuditFilter } from '../../data/api.js';
import { useConsole, useFeed } from '../../data/context.js';
import { download } from '../../data/download.js';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { useActor } from '../../parts/actor.js';
import { Icon } from '../../parts/icon.js';
import { Empty, Failure, Page } from '../../parts/page.js';
import { PAGE_ROWS, Pager, usePages } from '../../parts/pages.js';
import { useRecordNote } from '../../parts/record.js';
import { Table } from '../../parts/table.js';
import { Chain } from './chain.js';
import { filterOf, isFound, useSearch } from './filter.js';
import { RecordSide } from './record-side.js';
import { SearchForm } from './search-form.js';
import { auditText } from './text/index.js';

const FORMATS = [
  { type: 'text/csv', name: 'csv', ending: 'csv' },
  { type: 'application/x-ndjson', name: 'ndjson', ending: 'ndjson' },
] as const;

const keyOf = ({ epoch, rev }: AuditRecord): string => `${epoch}.${rev}`;
const isLater = (a: AuditRecord, b: AuditRecord): boolean =>
  a.epoch > b.epoch || (a.epoch === b.epoch && a.rev > b.rev);

/** The page of the trail that is looked at; while it is followed, with what was recorded since on top of the first one. */
function useTrail(filter: AuditFilter, isFollowed: boolean) {
  const { api } = useConsole();
  const { records } = useFeed('records');
  const pages = usePages(JSON.stringify(filter), (cursor, signal) =>
    api.audit(filter, { limit: PAGE_ROWS, ...(cursor ? { cursor } : {}) }, signal),
  );
  const { items, isFirst } = pages;
  const fresh = useMemo(() => {
    if (!isFollowed || !isFirst) return [];
    const [latest] = items;
    return records.filter((record) => (!latest || isLater(record, latest)) && isFound(filter, record));
  }, [records, items, isFirst, isFollowed, filter]);
  return { pages, items: [...fresh, ...items].slice(0, 2 * PAGE_ROWS) };
}

function Export({ filter }: { readonly filter: AuditFilter }) {
  const say = useText(auditText);
  const { api, tenant } = useConsole();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const save = async ({ type, ending }: (typeof FORMATS)[number]): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      download(await api.exportAudit(filter, type), `audit-${tenant}.${ending}`);
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <Button
            size="sm"
            variant="default"
            loading={isBusy}
            leftSection={<Icon name="download" size={16} />}
          >
            {say('export')}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {FORMATS.map((kind) => (
            <Menu.Item key={kind.type} onClick={() => void save(kind)}>
              {say(kind.name)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Failure error={problem} />
    </>
  );
}

function useRows(items: readonly AuditRecord[], onOpen: (record: AuditRecord) => void) {
  const term = useText(termsText);
  const format = useFormat();
  const actor = useActor();
  const note = useRecordNote();
  return items.map((record) => ({
    key: keyOf(record),
    cells: [
      <time key="at" dateTime={new Date(record.at).toISOString()} title={format.dateTime(record.at)}>
        {format.dateTime(record.at)}
      </time>,
      <button key="what" type="button" className="lc-plain" onClick={() => onOpen(record)}>
        {term(`record.${record.type}`)}
      </button>,
      actor(record.by),
      record.user?.name,
      note(record),
    ],
  }));
}

/** The audit trail: searched, followed as it is written, exported, and its archive checked. */
export function AuditPage() {
  const say = useText(auditText);
  const term = useText(termsText);
  const { search, change } = useSearch();
  const asked = JSON.stringify(search);
  const filter = useMemo(() => filterOf(JSON.parse(asked) as typeof search), [asked]);
  const [isFollowed, setFollowed] = useState(true);
  const [open, setOpen] = useState<AuditRecord>();
  const { pages, items } = useTrail(filter, isFollowed);
  const rows = useRows(items, setOpen);
  const columns = [term('at'), say('what'), term('by'), term('person'), say('about')];
  const follow = (
    <Switch
      label={say('follow')}
      checked={isFollowed}
      onChange={(event) => setFollowed(event.currentTarget.checked)}
    />
  );
  return (
    <Page title={say('title')} aside={follow} actions={<Export filter={filter} />} className="lc-audit">
      <SearchForm search={search} onSearch={change} />
      <Failure error={pages.error} onRetry={pages.again} />
      {rows.length > 0 && <Table label={say('title')} columns={columns} rows={rows} />}
      {rows.length === 0 && !pages.isBusy && pages.error === undefined && (
        <Empty icon="audit">{say(pages.pager.older ? 'noneHere' : 'none')}</Empty>
      )}
      <Pager {...pages.pager} />
      <Chain />
      {open && <RecordSide record={open} onClose={() => setOpen(undefined)} />}
    </Page>
  );
}
