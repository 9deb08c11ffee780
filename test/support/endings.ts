import type { LastcallClient } from '@lastcall/client';
import { type Drafts, keepDrafts } from '@lastcall/client/drafts';
import type { EndReason, LockLostReason, WarningPush } from '@lastcall/shared';
import { logoffWarning, until, wireError } from './fake-broker.js';
import { RESOURCE, SdkBench, settled } from './sdk.js';

/** What an application's save handler may do when it is called. */
export const HANDLERS = ['saves', 'throws', 'hangs', 'none'] as const;
export type HandlerKind = (typeof HANDLERS)[number];

const TYPED = 'typed in the last moment';
const STEP_MS = 2_000;
const STEPS = 50;
/** Before a deadline, when work begins to be saved by itself. */
const LEAD_MS = 10_000;
/** More than the last handlers get. */
const FLUSH_MS = 5_000;
const LEASE_MS = 10_800_000;
const BY = { kind: 'admin', id: 'root', name: 'Root' } as const;

/** One client with one editor whose record it holds. */
export interface Desk {
  readonly bench: SdkBench;
  readonly client: LastcallClient;
  readonly drafts: Drafts;
}

type Ending = (desk: Desk) => Promise<void>;

const state = ({ client }: Desk) => client.getSnapshot();
const statusIs = (desk: Desk, status: string) => until(() => state(desk).status === status);
const lost = (desk: Desk) => until(() => state(desk).lost.length === 1);

/** Lets the time of an order or a question go by, slowly where work is saved in it. */
async function overIn({ bench, client }: Desk, id: string): Promise<void> {
  const leftMs = () => client.remainingMs(id) ?? 0;
  bench.clock.advance(leftMs() - LEAD_MS);
  for (let steps = 0; leftMs() > STEP_MS && steps < STEPS; steps += 1) {
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
    bench.clock.advance(STEP_MS);
  }
}

const logoff = async (desk: Desk, reason: EndReason): Promise<void> => {
  desk.bench.broker.push('logoff', { orderId: 'order-1', reason, message: 'Good night.', by: BY });
  await until(() => state(desk).locks.length === 0);
  await settled();
  desk.bench.clock.advance(FLUSH_MS);
  await statusIs(desk, 'ended');
};

/** A warning, the time it gives, then the end. */
const ordered =
  (reason: WarningPush['reason'], changes: Partial<WarningPush> = {}): Ending =>
  async (desk) => {
    await desk.bench.warned(desk.client, { ...logoffWarning(), reason, ...changes });
    await overIn(desk, 'order-1');
    await logoff(desk, reason);
  };

const atOnce =
  (reason: EndReason): Ending =>
  (desk) =>
    logoff(desk, reason);

const lockLost =
  (reason: LockLostReason): Ending =>
  async (desk) => {
    desk.bench.broker.push('lock:lost', { resource: RESOURCE, fence: 7, reason, by: BY });
    await lost(desk);
  };

/** Signs in again; an attempt that is under way may have been refused yet. */
async function signedIn(desk: Desk): Promise<void> {
  if (state(desk).status === 'online') return;
  desk.client.connect().catch(() => undefined);
  for (let steps = 0; state(desk).status !== 'online' && steps < STEPS; steps += 1) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    if (state(desk).status !== 'online') desk.bench.clock.advance(1_000);
  }
  await statusIs(desk, 'online');
}

const cut = async (desk: Desk): Promise<void> => {
  desk.bench.broker.cut();
  await statusIs(desk, 'reconnecting');
  desk.bench.clock.advance(1_000);
};

/** How work may come to an end without the person having saved it. */
export const ENDINGS: Readonly<Record<string, Ending>> = {
  'an administrator logs off, with a hold': ordered('admin'),
  'an administrator logs off, without a hold': ordered('admin', { holdable: false }),
  'maintenance begins': ordered('maintenance'),
  'the person was idle': ordered('idle'),
  'the session is too old': ordered('max_age'),
  'the token expires': ordered('token_expired'),
  'the seat is given to another session': ordered('replaced'),
  'security: at once': atOnce('security'),
  'the identity provider signs out: at once': atOnce('revoked'),
  'the end came while there was no connection': async (desk) => {
    const ended = { reason: 'admin', by: BY, message: 'Good night.', endedAt: 1 } as const;
    desk.bench.broker.refuse = () => wireError('session_ended', { ended, terminal: true });
    await cut(desk);
    await statusIs(desk, 'ended');
  },
  'the session is refused for good': async (desk) => {
    desk.bench.broker.refuse = () => wireError('blocked', { terminal: true });
    await cut(desk);
    await statusIs(desk, 'closed');
  },
  'the session goes on in another window': async (desk) => {
    desk.bench.broker.push('superseded', {});
    await statusIs(desk, 'closed');
  },
  'somebody takes the record over, unanswered': async (desk) => {
    const { bench, client } = desk;
    const by = { kind: 'user', id: 'bob', name: 'Bob' } as const;
    const asked = { requestId: 'ask-1', resource: RESOURCE, by, deadlineMs: 30_000 };
    bench.broker.push('lock:requested', asked);
    await until(() => client.getSnapshot().requested.length === 1);
    await overIn(desk, 'ask-1');
    await lockLost('takeover')(desk);
  },
  'the record is taken over by force': lockLost('takeover'),
  'an idle holder loses the record': lockLost('idle'),
  'an administrator breaks the lock': lockLost('admin'),
  'the broker lost its data': lockLost('data_loss'),
  'the lease runs out': async (desk) => {
    desk.bench.broker.refuse = () => wireError('unavailable');
    await cut(desk);
    desk.bench.clock.sleep(LEASE_MS);
    desk.bench.clock.advance(0);
    await lost(desk);
  },
  'the person signs out': async (desk) => {
    void desk.client.end();
    await settled();
    desk.bench.clock.advance(FLUSH_MS);
    await statusIs(desk, 'ended');
  },
  'the application closes the client': async (desk) => {
    desk.client.close();
    await statusIs(desk, 'closed');
  },
};

export interface Outcome {
  readonly onServer: boolean;
  readonly inDraft: boolean;
  readonly ran: number;
}

/** Brings work to an end in one way, and signs in again. */
export async function outcomeOf(ending: Ending, handler: HandlerKind, dirty: boolean): Promise<Outcome> {
  const bench = await SdkBench.start();
  bench.broker.welcome = { beatMs: 3_600_000, leaseMs: LEASE_MS };
  let server = '';
  let isDirty = false;
  let ran = 0;
  const work: Readonly<Record<HandlerKind, () => unknown>> = {
    saves: () => {
      server = TYPED;
      isDirty = false;
    },
    throws: () => {
      throw new Error('The server is away.');
    },
    hangs: () => new Promise(() => undefined),
    none: () => undefined,
  };
  const save = (): unknown => {
    ran += 1;
    return work[handler]();
  };
  try {
    const client = await bench.connected();
    const drafts = keepDrafts(client, { logger: bench.logger });
    await bench.held(client);
    drafts.add({
      resource: RESOURCE,
      isDirty: () => isDirty,
      read: () => TYPED,
      ...(handler !== 'none' && { save }),
    });
    isDirty = dirty;
    await ending({ bench, client, drafts });
    bench.broker.refuse = () => undefined;
    await signedIn({ bench, client, drafts });
    const offered = await drafts.offered();
    drafts.close();
    return {
      onServer: server === TYPED,
      inDraft: offered.some(({ resource, text }) => resource === RESOURCE && text === TYPED),
      ran,
    };
  } finally {
    await bench.stop();
  }
}
