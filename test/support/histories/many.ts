import { type Checker, nameOf } from './checks.js';
import type { Op } from './format.js';
import { Replay, replacedBy, requestOf } from './replay.js';

interface Asked {
  readonly session: string;
  readonly keys: Set<string>;
  isGranted: boolean;
}

/** Requests for several locks, as far as they were answered. */
function requestsOf(ops: readonly Op[]): Map<string, Asked> {
  const requests = new Map<string, Asked>();
  for (const { op, session, opId, key, value } of ops) {
    if (op !== 'acquireMany') continue;
    const name = `${session} ${opId}`;
    const asked = requests.get(name) ?? { session, keys: new Set(), isGranted: false };
    asked.keys.add(key);
    asked.isGranted ||= value.state === 'granted';
    requests.set(name, asked);
  }
  return requests;
}

/** Whoever asks for several locks at once gets all of them in one step, or none. */
export const many: Checker = ({ ops, records }) => {
  const requests = requestsOf(ops);
  const replay = new Replay();
  const found: string[] = [];
  const over = new Set<string>();
  let open: { readonly name: string; readonly missing: Set<string> } | undefined;
  const close = (): void => {
    if (!open) return;
    const { session = '' } = requests.get(open.name) ?? {};
    for (const resource of open.missing) {
      if (!replay.holdOn(resource, session)) found.push(`${open.name}: ${resource} is missing`);
    }
    over.add(open.name);
    open = undefined;
  };
  for (const record of records) {
    const isGrant = record.type === 'lock.granted' && replacedBy(record) === undefined;
    const name = isGrant ? `${record.sessionId} ${requestOf(record)}` : '';
    if (open?.name !== name) close();
    const asked = requests.get(name);
    if (asked) {
      if (over.has(name)) found.push(`${nameOf(record)}: granted in parts`);
      if (!asked.isGranted && isRefused(ops, name)) found.push(`${nameOf(record)}: granted, but refused`);
      open ??= { name, missing: new Set(asked.keys) };
      open.missing.delete(record.resource ?? '');
    }
    replay.apply(record);
  }
  close();
  return found;
};

function isRefused(ops: readonly Op[], name: string): boolean {
  return ops.some(
    ({ op, session, opId, type }) => op === 'acquireMany' && type === 'fail' && `${session} ${opId}` === name,
  );
}
