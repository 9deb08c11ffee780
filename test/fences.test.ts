import { expect } from 'chai';
import { Fences } from 'lastcall/internal/redis/fences.js';

describe('the fences that a node knows', () => {
  it('[L21] are remembered of the tenants in which they rose last', () => {
    const fences = new Fences(2);
    const seen: readonly [string, number][] = [
      ['a', 7],
      ['b', 1],
      ['a', 8],
      ['a', 3],
      ['c', 2],
    ];
    for (const [name, fence] of seen) fences.note(name, fence);
    expect(['a', 'b', 'c'].map((name) => fences.of(name))).to.deep.equal([8, 0, 2]);
  });
});
