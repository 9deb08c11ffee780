import type { AuditRecord, Session } from '@lastcall/shared';
import { expect } from 'chai';
import type { Core } from 'lastcall/internal/core.js';
import { historyOf } from './history.js';
import { waitUntil } from './wait.js';

/** How late an end may be. */
const LATE_MS = 1_000;
/** Waited for at most, so that a slow machine fails no test that keeps its promise. */
const PATIENCE_MS = 15_000;

export interface Tenure {
  readonly tenant: string;
  readonly sessionId: string;
  readonly leaseMs: number;
  readonly beatMs: number;
  /** Redis' instant of its last heartbeat. */
  readonly lastBeatAt: number;
}

interface Gap {
  readonly from: number;
  readonly to: number;
}

/** The gaps that were recorded: times in which nobody swept. */
export function gapsIn(records: readonly AuditRecord[]): readonly Gap[] {
  return records.flatMap(({ details }) => (details?.['gap'] ? [details['gap'] as Gap] : []));
}

/** Waits for the end of a session; answers its one record. */
export async function endOf(
  core: Core,
  tenant: string,
  sessionId: string,
  withinMs = PATIENCE_MS,
): Promise<AuditRecord> {
  const isEnded = async (): Promise<boolean> =>
    (await core.sessions.get(tenant, sessionId)).state === 'ended';
  await waitUntil(isEnded, 'the end of the session', withinMs);
  const ends = (await historyOf(core, tenant)).filter(
    (record) => record.type === 'session.ended' && record.sessionId === sessionId,
  );
  expect(ends, 'records of its end').to.have.length(1);
  return ends[0] as AuditRecord;
}

/**
 * [P1] A session ends when its lease has run out, never earlier, and within 1 s. While nobody swept for more than 1 s,
 * as on a machine that is short of time, the recorded gap counts for it.
 */
export async function expectRunOut(core: Core, tenure: Tenure): Promise<AuditRecord> {
  const { tenant, sessionId, leaseMs, beatMs, lastBeatAt } = tenure;
  const end = await endOf(core, tenant, sessionId, leaseMs + PATIENCE_MS);
  const gaps = gapsIn(await historyOf(core, tenant)).filter(({ from }) => from < end.at);
  const credit = gaps.reduce((sum, { from, to }) => sum + to - from + 2 * beatMs, 0);
  const latest = lastBeatAt + leaseMs + LATE_MS + (gaps.length > 0 ? credit + leaseMs : 0);
  expect(end.at, 'its end').to.be.within(lastBeatAt + leaseMs, latest);
  expect(end).to.deep.include({ reason: 'unresponsive', by: { kind: 'system' } });
  return end;
}

/** Redis' instant of the last heartbeat of a session, once no other is on its way. */
export async function lastBeatOf(core: Core, tenant: string, sessionId: string): Promise<number> {
  const look = (): Promise<Session> => core.sessions.get(tenant, sessionId);
  let { lastBeatAt } = await look();
  await waitUntil(async () => {
    const before = lastBeatAt;
    ({ lastBeatAt } = await look());
    return before === lastBeatAt;
  }, 'its heartbeats to cease');
  return lastBeatAt;
}
