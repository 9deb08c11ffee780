import { LastcallError } from '@lastcall/shared';
import { expect } from 'chai';
import { Patience } from 'lastcall/internal/patience.js';
import { waitUntil } from './support/wait.js';

const LIMIT_MS = 20;

/** Work whose end the test decides. */
function work(): { promise: Promise<string>; end: (outcome: string) => void; fail: (error: Error) => void } {
  let end: (outcome: string) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const promise = new Promise<string>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  return { promise, end, fail };
}

describe('[N10] how long an edge waits', () => {
  it('gives up when Redis is slow, says so, and passes on what comes of it later', async () => {
    const { promise, end } = work();
    const late: string[] = [];
    const outcome = await new Patience(() => true, LIMIT_MS)
      .wait(promise, (what) => void late.push(what))
      .catch((error: unknown) => error);
    expect(outcome).to.be.instanceOf(LastcallError);
    expect((outcome as LastcallError).toWire()).to.include({ code: 'unavailable', retryAfterMs: 2_000 });
    expect(late).to.deep.equal([]);
    end('opened');
    await waitUntil(() => late.length === 1, 'the late outcome');
    expect(late).to.deep.equal(['opened']);
  });

  it('goes on with work that merely is long, until Redis gets slow', async () => {
    const { promise, end } = work();
    let looks = 0;
    const waiting = new Patience(() => {
      looks += 1;
      return false;
    }, LIMIT_MS).wait(promise);
    await waitUntil(() => looks >= 3, 'its time to be up several times');
    end('read');
    expect(await waiting).to.equal('read');

    looks = 0;
    const other = new Patience(() => (looks += 1) === 2, LIMIT_MS).wait(work().promise);
    expect(await other.catch((error: LastcallError) => error.code)).to.equal('unavailable');
  });

  it('passes refusals on, and nobody hears of a failure after its time', async () => {
    const { promise, fail } = work();
    const refusal = new LastcallError('conflict', 'No.');
    const early = new Patience(() => true, LIMIT_MS).wait(Promise.reject(refusal));
    expect(await early.catch((error: unknown) => error)).to.equal(refusal);
    const late = await new Patience(() => true, LIMIT_MS)
      .wait(promise)
      .catch((error: LastcallError) => error.code);
    fail(new Error('the connection was lost'));
    expect(late).to.equal('unavailable');
    expect(await promise.catch((error: Error) => error.message)).to.equal('the connection was lost');
  });
});
