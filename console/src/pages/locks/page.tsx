import type { LockEntry } from '@lastcall/shared';
import { RESOURCE_PREFIX_PATTERN } from '@lastcall/shared';
import { Button, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import { useConsole, useFeed, useNow } from '../../data/context.js';
import { useRefresh } from '../../data/use-refresh.js';
import { useFormat, useText } from '../../i18n/context.js';
import { Icon } from '../../parts/icon.js';
import { Empty, Failure, Page } from '../../parts/page.js';
import { PAGE_ROWS, Pager, usePages } from '../../parts/pages.js';
import { Table } from '../../parts/table.js';
import { go, hrefOf, usePlace } from '../../shell/route.js';
import { BreakDialog } from './break-dialog.js';
import { LockDetail, useMode } from './detail.js';
import { locksText } from './text/index.js';

/** People who are named in a cell. */
const NAMED = 3;
const TYPED_MS = 250;
const MAX_USER = 128;

interface Filter {
  readonly prefix: string;
  readonly user: string;
}

function useFilter(): { readonly filter: Filter; readonly change: (changed: Partial<Filter>) => void } {
  const { query } = usePlace();
  const filter = { prefix: query.get('prefix') ?? '', user: query.get('user') ?? '' };
  return { filter, change: (changed) => go('locks', '', { ...filter, ...changed }) };
}

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly problem?: string | false;
  readonly maxLength?: number;
  readonly onChange: (value: string) => void;
}

/** A field that tells what was typed once nobody types. */
function Field({ label, value, problem = false, maxLength, onChange }: FieldProps) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const tell = useDebouncedCallback(onChange, TYPED_MS);
  return (
    <TextInput
      label={label}
      value={typed}
      error={problem}
      {...(maxLength === undefined ? {} : { maxLength })}
      leftSection={<Icon name="filter" size={15} />}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        tell(event.currentTarget.value.trim());
      }}
    />
  );
}

function Names({ entry: { waiters } }: { readonly entry: LockEntry }) {
  const say = useText(locksText);
  if (waiters.length === 0) return null;
  const names = waiters.slice(0, NAMED).map(({ user }) => user.name);
  const rest = waiters.length - names.length;
  return (
    <>
      <b>{say('waiting', { count: waiters.length })}</b>{' '}
      <span className="lc-soft">
        {names.join(', ')}
        {rest > 0 && ` ${say('more', { count: rest })}`}
      </span>
    </>
  );
}

function useRows(items: readonly LockEntry[], filter: Filter, onBreak: (entry: LockEntry) => void) {
  const say = useText(locksText);
  const format = useFormat();
  const mode = useMode();
  const now = useNow();
  return items.map((entry) => {
    const { resource, holders } = entry;
    const [first] = holders;
    return {
      key: resource,
      cells: [
        <a key="what" href={hrefOf('locks', resource, { ...filter })}>
          <code>{resource}</code>
        </a>,
        holders.slice(0, NAMED).map(({ sessionId, user, dirty }) => (
          <span key={sessionId} className="lc-lock-name">
            <a href={hrefOf('sessions', sessionId)}>{user.name}</a>
            {dirty && (
              <b className="lc-dirty">
                <Icon name="unsaved" size={14} /> {say('unsaved')}
              </b>
            )}
          </span>
        )),
        first ? mode(first) : '',
        first ? format.ago(now - first.grantedAt) : '',
        first ? format.duration(first.idleMs) : '',
        <Names key="waiters" entry={entry} />,
        <Button key="break" size="compact-xs" variant="default" onClick={() => onBreak(entry)}>
          {say('break')}
        </Button>,
      ],
    };
  });
}

/** Who holds what and who waits for it, live; and a way to take a lock from its holder. */
export function LocksPage() {
  const say = useText(locksText);
  const { api } = useConsole();
  const feed = useFeed('locks');
  const { rest } = usePlace();
  const { filter, change } = useFilter();
  const isPrefix = RESOURCE_PREFIX_PATTERN.test(filter.prefix);
  const pages = usePages(`${filter.prefix}\n${filter.user}`, async (cursor, signal) =>
    isPrefix ? await api.locks({ ...filter, limit: PAGE_ROWS, cursor }, signal) : { items: [] },
  );
  useRefresh(feed.version('locks'), pages.again);
  const [breaking, setBreaking] = useState<LockEntry>();
  const rows = useRows(pages.items, filter, setBreaking);
  const columns = [
    say('resource'),
    say('holders'),
    say('mode'),
    say('since'),
    say('idle'),
    say('waiters'),
    say('act'),
  ];
  const isFiltered = filter.prefix !== '' || filter.user !== '';
  return (
    <Page title={say('title')} className="lc-locks">
      <div className="lc-filters">
        <Field
          label={say('prefix')}
          value={filter.prefix}
          problem={isPrefix ? false : say('badPrefix')}
          onChange={(prefix) => change({ prefix })}
        />
        <Field
          label={say('user')}
          value={filter.user}
          maxLength={MAX_USER}
          onChange={(user) => change({ user })}
        />
      </div>
      <Failure error={pages.error} onRetry={pages.again} />
      {rows.length > 0 && <Table label={say('title')} columns={columns} rows={rows} />}
      {rows.length === 0 && !pages.isBusy && pages.error === undefined && (
        <Empty icon="locks">{say(isFiltered ? 'noMatch' : 'none')}</Empty>
      )}
      <Pager {...pages.pager} />
      {rest !== '' && <LockDetail resource={rest} onBreak={setBreaking} onClose={() => change({})} />}
      {breaking && (
        <BreakDialog entry={breaking} onDone={pages.again} onClose={() => setBreaking(undefined)} />
      )}
    </Page>
  );
}
