import { createClient, LastcallError, type LastcallOptions } from '@lastcall/client';
import { expect } from 'chai';
import { FakeBroker, lockOn, until } from './support/fake-broker.js';

const denied = (): never => {
  throw new Error('denied');
};

describe('SDK: the platform it finds', () => {
  let broker: FakeBroker;
  beforeEach(async () => {
    broker = await FakeBroker.start();
    broker.answer('lock:acquire', ({ resource }) => ({ state: 'granted', lock: lockOn(resource, 7) }));
  });
  afterEach(() => broker.stop());

  it('takes a wall clock that runs ahead of the monotonic one for a sleep, and recovers (H47)', async () => {
    const client = createClient({ url: broker.url, token: 'token' });
    const now = Date.now;
    try {
      await client.connect();
      const handle = await client.lock('invoices/7');
      const stateAt = (offsetMs: number): string => {
        Date.now = () => now() + offsetMs;
        return handle.state;
      };
      expect(stateAt(-86_400_000)).to.equal('held');
      expect(stateAt(-86_400_000 + 900)).to.equal('held');
      expect(stateAt(-86_400_000 + 3_600_000)).to.equal('lost');
      broker.beat();
      await until(() => broker.handshakes.length === 2 || broker.said('heartbeat').length === 1);
      await until(() => client.getSnapshot().status === 'online');
      expect((await client.lock('invoices/7')).state).to.equal('held');
    } finally {
      Date.now = now;
      client.close();
    }
  });

  it('refuses options without which it cannot work, and names the broker that it cannot reach', async () => {
    const wrongly = (options: object): void => void createClient(options as LastcallOptions);
    for (const url of [undefined, '', 4600]) expect(() => wrongly({ url, token: 'token' })).to.throw('"url"');
    for (const token of [undefined, null, {}])
      expect(() => wrongly({ url: broker.url, token })).to.throw('"token"');
    expect(() => wrongly({ url: broker.url }))
      .to.throw(LastcallError)
      .with.property('code', 'invalid');
    const client = createClient({ url: 'http://127.0.0.1:1', token: 'token', connectTimeoutMs: 500 });
    const error = await client.connect().catch((reason: unknown) => reason);
    client.close();
    expect(error).to.have.property('message').that.includes('http://127.0.0.1:1');
  });

  it('makes request ids on pages without TLS, where `randomUUID` is missing', async () => {
    const client = createClient({ url: broker.url, token: 'token' });
    Object.defineProperty(crypto, 'randomUUID', { value: undefined, configurable: true });
    try {
      await client.connect();
      await client.lock('invoices/7');
    } finally {
      Reflect.deleteProperty(crypto, 'randomUUID');
      client.close();
    }
    expect(broker.said('lock:acquire')[0]?.requestId).to.match(
      /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
    );
  });

  it('keeps what resumes a session in the tab, if the tab lets it', async () => {
    const items = new Map<string, string>();
    const storage = {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => void items.set(key, value),
      removeItem: (key: string) => void items.delete(key),
    };
    const connected = async (get: () => unknown, document?: object): Promise<void> => {
      const globals = {
        sessionStorage: { get, configurable: true },
        document: { value: document, configurable: true },
      };
      const before = Object.getOwnPropertyDescriptor(globalThis, 'sessionStorage');
      Object.defineProperties(globalThis, globals);
      const client = createClient({ url: broker.url, token: 'token', app: { name: 'books' } });
      Reflect.deleteProperty(globalThis, 'document');
      Reflect.deleteProperty(globalThis, 'sessionStorage');
      if (before) Object.defineProperty(globalThis, 'sessionStorage', before);
      await client.connect();
      client.close();
    };
    await connected(() => storage, new EventTarget());
    await connected(denied, new EventTarget());
    await connected(() => storage);
    expect([...items]).to.deep.equal([
      [`lastcall:${broker.url}:books`, '{"sessionId":"session-1","key":"key-1"}'],
    ]);
  });
});
