import {
  SESSION_STATES,
  SESSION_TRANSITIONS,
  type SessionFacts,
  type SessionState,
  sessionState,
} from '@lastcall/shared';
import { expect } from 'chai';
import { administrator, type TestClient } from './support/broker.js';
import { sessionOf } from './support/faults.js';
import { historyOf } from './support/history.js';
import { Observed, observing } from './support/observed.js';
import { read } from './support/sources.js';
import { waitUntil } from './support/wait.js';

const LONG_MS = 600_000;

describe('states of sessions', () => {
  const bench = observing(new Observed());

  async function until(client: TestClient, state: SessionState): Promise<void> {
    await waitUntil(
      async () => (await sessionOf(bench.broker, bench.tenant, client)).state === state,
      `the session to be ${state}`,
    );
  }

  it('[S11] are made of the same facts in Lua and in TypeScript', async () => {
    const [code = ''] =
      /local function state_of\(s\)\n[\s\S]*?\nend\n/.exec(read('server/lua/_session.lua')) ?? [];
    const flags = [false, true];
    const all: SessionFacts[] = flags.flatMap((ended) =>
      flags.flatMap((connected) =>
        flags.flatMap((saving) =>
          flags.flatMap((warned) => flags.map((idle) => ({ ended, connected, saving, warned, idle }))),
        ),
      ),
    );
    for (const facts of all) {
      const stored = {
        state: facts.ended ? 'ended' : 'active',
        conn: facts.connected ? '1' : '0',
        saving: facts.saving ? '1' : '0',
        deadlineOrder: facts.warned ? 'order' : '',
        idle: facts.idle ? '1' : '0',
      };
      const script = `${code}return state_of(cjson.decode(ARGV[1]))`;
      const state = await bench.redis.eval(script, { arguments: [JSON.stringify(stored)] });
      expect(state, JSON.stringify(facts)).to.equal(sessionState(facts));
    }
  });

  it('[S11] [A1] change as the table allows, each change with its record', async () => {
    const ada = await bench.broker.connect(bench.tenant, 'ada');
    const order = await bench.broker.core.orders.create(administrator(bench.tenant), bench.tenant, {
      action: 'logoff',
      target: { sessions: [ada.sessionId] },
      message: 'Please save your work.',
      reason: 'admin',
      graceMs: LONG_MS,
    });
    await ada.saw('warning');
    await bench.broker.core.orders.cancel(administrator(bench.tenant), bench.tenant, order.id);
    await ada.saw('warning:cancelled');
    await ada.drop();
    await until(ada, 'disconnected');
    const back = await bench.broker.connect(bench.tenant, 'ada', { auth: { resume: ada.resume } });
    await back.does('session:end', {});
    await until(back, 'ended');
    const states: SessionState[] = [];
    for (const { sessionId, details = {} } of await historyOf(bench.broker.core, bench.tenant)) {
      const { from, to } = details as { from?: SessionState; to?: SessionState };
      if (sessionId !== ada.sessionId || from === undefined || to === undefined) continue;
      expect(SESSION_TRANSITIONS[from][to], `${from} to ${to}`).to.equal(true);
      states.push(to);
    }
    expect(states).to.deep.equal(['disconnected', 'active']);
    expect(
      SESSION_STATES.filter((to) => SESSION_TRANSITIONS.ended[to]),
      'ended is final',
    ).to.deep.equal([]);
  });

  it('[A1] are recorded with who, what, when and why; heartbeats are not', async () => {
    const ada = await bench.broker.connect(bench.tenant, 'ada');
    const person = { kind: 'user', id: 'ada', name: 'ada by name' };
    for (let i = 0; i < 10; i += 1) await ada.heartbeat();
    await ada.heartbeat({ dirty: true, view: 'invoices/1' });
    await waitUntil(
      async () => (await historyOf(bench.broker.core, bench.tenant)).length === 2,
      'the change to be recorded',
    );
    await ada.does('session:end', {});
    await waitUntil(
      async () => (await historyOf(bench.broker.core, bench.tenant)).length === 4,
      'the end to be recorded',
    );
    const records = await historyOf(bench.broker.core, bench.tenant);
    expect(records.map(({ rev }) => rev)).to.deep.equal([1, 2, 3, 4]);
    expect(records.map(({ type, by, sessionId }) => ({ type, by, sessionId }))).to.deep.equal([
      { type: 'session.opened', by: person, sessionId: ada.sessionId },
      { type: 'session.state', by: person, sessionId: ada.sessionId },
      { type: 'session.ended', by: person, sessionId: ada.sessionId },
      { type: 'session.verified', by: { kind: 'system' }, sessionId: ada.sessionId },
    ]);
    expect(records[1]?.details).to.deep.equal({ dirty: true, view: 'invoices/1' });
    expect(records[2]).to.deep.include({ reason: 'user', user: { id: 'ada', name: 'ada by name' } });
  });
});
