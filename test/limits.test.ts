import { LastcallError } from '@lastcall/shared';
import { expect } from 'chai';
import { addressKey, createLimits, type LimitSettings } from 'lastcall/internal/limits.js';

const LIMITS: LimitSettings = {
  messagesPerSecond: 10,
  messageBurst: 20,
  failedHandshakesPerMinute: 3,
  opensPerSecond: 2,
  resumesPerSecond: 500,
};

/** How many of these calls pass before one is refused, and how it is refused. */
async function until(
  times: number,
  call: () => void | Promise<void>,
): Promise<{ passed: number; error?: LastcallError }> {
  for (let passed = 0; passed < times; passed += 1) {
    const error: unknown = await Promise.resolve()
      .then(call)
      .then(
        () => undefined,
        (reason: unknown) => reason,
      );
    if (error !== undefined) return { passed, error: error as LastcallError };
  }
  return { passed: times };
}

describe('limits', () => {
  it('lets a socket send its burst, then refuses with the time to wait, each socket for itself (H59)', async () => {
    const limits = createLimits(LIMITS);
    const { passed, error } = await until(30, () => limits.message('a'));
    expect(passed).to.equal(20);
    expect(error).to.be.instanceOf(LastcallError).and.include({ code: 'rate_limited', retryable: true });
    expect(error?.extras.retryAfterMs).to.be.within(1, 2_000);
    expect((await until(20, () => limits.message('b'))).passed).to.equal(20);
    await limits.forget('a');
    expect((await until(1, () => limits.message('a'))).passed).to.equal(1);
  });

  it('gives messages back with time', async () => {
    const limits = createLimits({ ...LIMITS, messagesPerSecond: 200, messageBurst: 20 });
    const { error } = await until(30, () => limits.message('a'));
    const end = Date.now() + 2_000;
    let passed = 0;
    while (passed === 0 && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, error?.extras.retryAfterMs));
      ({ passed } = await until(1, () => limits.message('a')));
    }
    expect(passed).to.equal(1);
  });

  it('[I5] tells an address to wait after too many failures, which counts nobody else', async () => {
    const limits = createLimits(LIMITS);
    expect((await until(3, () => limits.handshakeFailed('10.0.0.1'))).passed).to.equal(3);
    const { passed, error } = await until(1, () => limits.handshakeFailed('10.0.0.1'));
    expect(passed).to.equal(0);
    expect(error?.code).to.equal('rate_limited');
    expect(error?.extras.retryAfterMs).to.be.within(1, 60_000);
    expect((await until(1, () => limits.handshakeFailed('10.0.0.2'))).passed).to.equal(1);
  });

  it('counts an IPv6 network as one address, and an IPv4 address in either form as one', () => {
    expect(addressKey('2001:db8::1')).to.equal(addressKey('2001:0DB8:0:0:ffff::2'));
    expect(addressKey('2001:db8::1')).not.to.equal(addressKey('2001:db8:0:1::1'));
    expect(addressKey('::ffff:10.0.0.1')).to.equal(addressKey('10.0.0.1'));
    expect(addressKey('fe80::1%eth0')).to.equal(addressKey('fe80::2'));
    expect(addressKey('::1')).to.equal('0:0:0:0');
    expect(addressKey('x'.repeat(1_000))).to.have.length(64);
  });

  it('[N6] lets returning sessions in apart from new ones (H49)', async () => {
    const limits = createLimits(LIMITS);
    expect((await until(10, () => limits.admit('open'))).passed).to.equal(2);
    const { passed, error } = await until(600, () => limits.admit('resume'));
    expect(passed).to.be.at.least(500);
    if (error !== undefined) expect(error.code).to.equal('rate_limited');
  });

  it('[N6] gives each of a crowd that is turned away a time of its own, at the pace of the node', async () => {
    const limits = createLimits(LIMITS);
    const { passed } = await until(2_000, () => limits.admit('resume'));
    const waits: number[] = [];
    for (let n = 0; n < 2_000; n += 1) {
      const { error } = await until(1, () => limits.admit('resume'));
      waits.push(error?.extras.retryAfterMs ?? 0);
    }
    expect(passed).to.be.at.least(500);
    const spread = (from: number, to: number): number =>
      waits.filter((waitMs) => waitMs >= from && waitMs < to).length;
    // 500 a second: about as many are told to come in each second.
    for (const second of [0, 1, 2])
      expect(spread(second * 1_000, (second + 1) * 1_000)).to.be.within(250, 900);
    expect(Math.max(...waits)).to.be.within(3_000, 6_000);
    for (let n = 0; n < 30_000; n += 1) await until(1, () => limits.admit('resume'));
    const { error } = await until(2_000, () => limits.admit('resume'));
    expect(error?.code, 'refused again').to.equal('rate_limited');
    expect(error?.extras.retryAfterMs, 'nobody waits for ever').to.be.at.most(20_000);
  });

  it('[N6] [N7] lets fewer in under strain', async () => {
    const at = { ease: createLimits(LIMITS), strain: createLimits(LIMITS, () => 1) };
    const waits = await Promise.all(
      Object.values(at).map(async (limits) => {
        const { error } = await until(5_000, () => limits.admit('resume'));
        return error?.extras.retryAfterMs ?? 0;
      }),
    );
    const [ease = 0, strain = 0] = waits;
    // A place in the line is 2 ms at ease and 10 ms under strain, with a quarter of jitter.
    expect(ease).to.be.within(1, 3);
    expect(strain).to.be.within(7, 13);
  });
});
