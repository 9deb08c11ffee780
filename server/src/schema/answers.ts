import type { AcquireAnswer, ClientCall, ClientCalls, Nothing, TakeoverAnswer } from '@lastcall/shared';
import { z } from 'zod';
import { contract } from './contract.js';
import { lockEntrySchema, lockHolderSchema, lockSchema, lockWaiterSchema } from './lock.js';
import { id, whole } from './values.js';

type Payload<E extends ClientCall> = ClientCalls[E]['payload'];
type Answer<E extends ClientCall> = ClientCalls[E]['answer'];

/** What a client's event does, what it is answered with, and one as it may be sent. */
interface Call<E extends ClientCall> {
  readonly summary: string;
  readonly answer: z.ZodType<Answer<E>>;
  readonly example: Payload<E>;
}

/** An object without fields: zod would type it as a record of nothing. */
export const nothing = z.object({}) as unknown as z.ZodType<Nothing>;

const granted = z.object({ state: z.literal('granted'), lock: lockSchema });

const acquireAnswer = contract<AcquireAnswer>()(
  z.union([
    granted,
    z.object({
      state: z.literal('queued'),
      requestId: id,
      position: whole(1),
      blockers: z.array(lockHolderSchema),
    }),
  ]),
).meta({ id: 'LockAcquired' });

const takeoverAnswer = contract<TakeoverAnswer>()(
  z.union([z.object({ state: z.literal('asked'), deadlineMs: whole(0) }), granted]),
);

const ORDER_ID = '0197b1c0-5f7e-7c3a-9d52-6b1f0e8a4c11';
const REQUEST_ID = '0197b1c0-8a2d-7f4e-b6c1-2d9e5f7a8b33';
const RESOURCE = 'invoices/7';
const FENCE = 1_750_000_000_000_001;

/** A row per event a client may send; a new event of the contract does not compile without its row. */
export const CLIENT_CALLS: { readonly [E in ClientCall]: Call<E> } = {
  heartbeat: {
    summary: 'Renews the lease, and says what has changed.',
    answer: contract<Answer<'heartbeat'>>()(z.object({ leaseMs: whole(1) })),
    example: { n: 4, idleMs: 1_200, dirty: true, view: RESOURCE },
  },
  activity: { summary: 'The person is back.', answer: nothing, example: { idleMs: 0 } },
  'order:ack': {
    summary: 'What the person does about a warning.',
    answer: contract<Answer<'order:ack'>>()(z.object({ deadlineMs: whole(0), holdMs: whole(0) })),
    example: { orderId: ORDER_ID, state: 'saving', why: 'Two invoices are open.' },
  },
  'order:extend': {
    summary: 'Asks for more time, where the order allows it.',
    answer: contract<Answer<'order:extend'>>()(z.object({ deadlineMs: whole(0) })),
    example: { orderId: ORDER_ID, ms: 60_000 },
  },
  'session:end': { summary: 'The person signs out.', answer: nothing, example: {} },
  'auth:refresh': {
    summary: 'A fresh token of the same person and tenant.',
    answer: contract<Answer<'auth:refresh'>>()(z.object({ expiresInMs: whole(0) })),
    example: { token: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl' },
  },
  'lock:acquire': {
    summary: 'Asks for a lock, or for a place in the queue.',
    answer: acquireAnswer,
    example: { resource: RESOURCE, waitMs: 60_000, requestId: REQUEST_ID, note: 'Correcting the address' },
  },
  'lock:acquireMany': {
    summary: 'Asks for several locks: all of them, or none.',
    answer: contract<Answer<'lock:acquireMany'>>()(z.object({ locks: z.array(lockSchema) })),
    example: {
      resources: [{ resource: 'invoices/8' }, { resource: 'customers/4', mode: 'shared' }],
      requestId: REQUEST_ID,
    },
  },
  'lock:upgrade': {
    summary: 'Makes a shared lock exclusive, ahead of the queue.',
    answer: acquireAnswer,
    example: { resource: 'customers/4', fence: FENCE, requestId: REQUEST_ID },
  },
  'lock:release': {
    summary: 'Gives a lock back.',
    answer: contract<Answer<'lock:release'>>()(z.object({ released: z.boolean() })),
    example: { resource: RESOURCE, fence: FENCE },
  },
  'lock:cancel': { summary: 'Leaves the queue.', answer: nothing, example: { requestId: REQUEST_ID } },
  'lock:takeover': {
    summary: 'Asks the holder for a lock, or takes it.',
    answer: takeoverAnswer,
    example: { resource: RESOURCE, reason: 'The customer is on the phone.', requestId: REQUEST_ID },
  },
  'lock:answer': {
    summary: "The holder's answer to who asks.",
    answer: nothing,
    example: { requestId: REQUEST_ID, answer: 'yield' },
  },
  'lock:check': {
    summary: 'Whether a lock is held with this fence.',
    answer: contract<Answer<'lock:check'>>()(z.object({ valid: z.boolean(), lock: lockSchema.optional() })),
    example: { resource: RESOURCE, fence: FENCE },
  },
  'lock:watch': {
    summary: 'What is locked under a prefix, and from then on each change.',
    answer: contract<Answer<'lock:watch'>>()(
      z.object({ locks: z.array(lockEntrySchema), more: z.literal(true).optional() }),
    ),
    example: { prefix: 'invoices/' },
  },
  'lock:unwatch': { summary: 'No more of that.', answer: nothing, example: { prefix: 'invoices/' } },
  'lock:query': {
    summary: 'Who holds a resource and who waits for it.',
    answer: contract<Answer<'lock:query'>>()(
      z.object({ holders: z.array(lockHolderSchema), waiters: z.array(lockWaiterSchema) }),
    ),
    example: { resource: RESOURCE },
  },
};
