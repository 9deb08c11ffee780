import type { LockHolder, Review, ReviewCount, StaleUser } from '@lastcall/shared';
import { Button, Select } from '@mantine/core';
import { useState } from 'react';
import { useConsole } from '../../data/context.js';
import { useCall } from '../../data/use-call.js';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { Icon } from '../../parts/icon.js';
import { Card, Failure, Page } from '../../parts/page.js';
import { Timeline } from '../../parts/record.js';
import { type Row, Table } from '../../parts/table.js';
import { hrefOf } from '../../shell/route.js';
import { reviewText } from './text/index.js';

const DAY = 86_400_000;
const SPANS = [7, 30, 90, 365] as const;

interface ListProps {
  readonly title: string;
  readonly help: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

function List({ title, help, columns, rows }: ListProps) {
  const say = useText(reviewText);
  return (
    <Card title={title}>
      <p className="lc-soft lc-review-help">{help}</p>
      {rows.length === 0 ? (
        <p className="lc-review-none">
          <Icon name="check" size={16} /> {say('nothing')}
        </p>
      ) : (
        <Table label={title} columns={columns} rows={rows} />
      )}
    </Card>
  );
}

const person = ({ id, name }: StaleUser['user']) => (
  <a key="user" href={hrefOf('sessions', '', { q: id })}>
    {name}
  </a>
);

function useStale(users: readonly StaleUser[], at: number): readonly Row[] {
  const format = useFormat();
  return users.map(({ user, sessions, lastInputAt }) => ({
    key: user.id,
    cells: [person(user), format.number(sessions), format.duration(at - lastInputAt)],
  }));
}

function useHeld(holders: readonly LockHolder[], at: number): readonly Row[] {
  const format = useFormat();
  const term = useText(termsText);
  return holders.map(({ resource, sessionId, user, grantedAt, dirty }) => ({
    key: `${resource} ${sessionId}`,
    cells: [
      <code key="resource">{resource}</code>,
      person(user),
      format.duration(at - grantedAt),
      term(dirty ? 'work.unsaved' : 'work.saved'),
    ],
  }));
}

function useCounts(counts: readonly ReviewCount[]): readonly Row[] {
  const format = useFormat();
  const term = useText(termsText);
  return counts.map(({ user, times, lastAt, reasons }) => ({
    key: user.id,
    cells: [
      person(user),
      format.number(times),
      Object.entries(reasons)
        .map(
          ([reason, count]) => `${term(`reason.${reason as keyof typeof reasons}`)} ${format.number(count)}`,
        )
        .join(', '),
      format.dateTime(lastAt),
    ],
  }));
}

/** From when on, of how much, and by whom: what a reader of the sheet has to know. */
function Head({ review }: { readonly review: Review }) {
  const say = useText(reviewText);
  const format = useFormat();
  const { tenant, me } = useConsole();
  const { at, since, from, complete, sessions, locks } = review;
  return (
    <Card>
      <p className="lc-review-head">
        <b>{say('for', { tenant })}</b>
        <span>{say('span', { from: format.dateTime(Math.max(since, from)), to: format.dateTime(at) })}</span>
        <span>{say('by', { name: me.user.name })}</span>
      </p>
      <p className="lc-soft">
        {say('looked', {
          sessions: format.number(sessions.looked),
          ofSessions: format.number(sessions.total),
          locks: format.number(locks.looked),
          ofLocks: format.number(locks.total),
        })}
      </p>
      {!complete && (
        <p className="lc-note">
          <Icon name="warning" size={16} /> {say('incomplete')}
        </p>
      )}
    </Card>
  );
}

function Lists({ review }: { readonly review: Review }) {
  const say = useText(reviewText);
  const term = useText(termsText);
  const { at, staleUsers, longestLocks, mostForced, withoutLogoff } = review;
  const counted = [term('person'), say('times'), term('reason'), say('lastAt')];
  return (
    <>
      <List
        title={say('stale')}
        help={say('staleHelp')}
        columns={[term('person'), say('sessions'), say('idle')]}
        rows={useStale(staleUsers, at)}
      />
      <List
        title={say('longest')}
        help={say('longestHelp')}
        columns={[say('record'), term('person'), say('held'), say('work')]}
        rows={useHeld(longestLocks, at)}
      />
      <List title={say('forced')} help={say('forcedHelp')} columns={counted} rows={useCounts(mostForced)} />
      <List
        title={say('without')}
        help={say('withoutHelp')}
        columns={counted}
        rows={useCounts(withoutLogoff)}
      />
    </>
  );
}

function PolicyChanges({ policy }: Pick<Review, 'policy'>) {
  const say = useText(reviewText);
  const { version, preset, changes } = policy;
  return (
    <Card title={say('policy')}>
      <p>{say(preset ? 'policyPreset' : 'policyVersion', { version, preset: preset ?? '' })}</p>
      {changes.length === 0 ? <p className="lc-soft">{say('policySame')}</p> : <Timeline records={changes} />}
    </Card>
  );
}

/** What to look at from time to time, as a sheet that can be printed and signed. */
export function ReviewPage() {
  const say = useText(reviewText);
  const term = useText(termsText);
  const { api, feed } = useConsole();
  const [days, setDays] = useState<number>(30);
  const { value, error, again } = useCall(String(days), () =>
    api.review({ since: Math.round(feed.clock.now()) - days * DAY }),
  );
  const actions = (
    <>
      <Select
        aria-label={say('period')}
        data={SPANS.map((span) => ({ value: String(span), label: say('days', { count: span }) }))}
        value={String(days)}
        onChange={(span) => setDays(Number(span))}
        allowDeselect={false}
      />
      <Button variant="default" leftSection={<Icon name="print" size={16} />} onClick={() => window.print()}>
        {say('print')}
      </Button>
    </>
  );
  return (
    <Page title={say('title')} actions={actions} className="lc-review">
      <Failure error={error} onRetry={again} />
      {!value && error === undefined && <p>{term('loading')}</p>}
      {value && (
        <>
          <Head review={value} />
          <Lists review={value} />
          <PolicyChanges policy={value.policy} />
          <p className="lc-review-sign">
            <span>{say('date')}</span>
            <span>{say('signature')}</span>
          </p>
        </>
      )}
    </Page>
  );
}
