import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AuditRecord, AuditType } from '@lastcall/shared';
import { expect } from 'chai';
import { violationsIn } from './support/histories/check.js';
import { type History, historyFrom, type Op, textOf, writeHistory } from './support/histories/format.js';
import { legalHistory } from './support/histories/generate.js';
import { FAULTS } from './support/histories/plant.js';
import { Random } from './support/random.js';

const HISTORIES = 100;
const LIMIT_MS = 2_000;
/** Legal histories in which a place for a fault is looked for. */
const TRIES = 20;

/** A fault in the first history that has a place for it. */
function planted(plant: (typeof FAULTS)[string], seed: number): History | undefined {
  for (let i = 0; i < TRIES; i += 1) {
    const spoilt = plant(legalHistory(seed + i), new Random(seed + i));
    if (spoilt) return spoilt;
  }
  return undefined;
}

describe('the checkers of histories', () => {
  const { seed } = new Random();
  const command = fileURLToPath(new URL('./support/histories/check-history.js', import.meta.url));
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lastcall-history-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it(`find nothing in ${HISTORIES} legal histories (SEED=${seed})`, () => {
    for (let i = 0; i < HISTORIES; i += 1) {
      // Half of them tell of leases, too.
      const history = legalHistory(seed + i, undefined, i % 2 === 1);
      expect(violationsIn(history), `history ${seed + i}`).to.deep.equal([]);
    }
  });

  it(`find each of ${HISTORIES} faults planted in legal histories (SEED=${seed})`, () => {
    const faults = Object.entries(FAULTS);
    for (let i = 0; i < HISTORIES; i += 1) {
      const [name, plant] = faults[i % faults.length] as (typeof faults)[number];
      const spoilt = planted(plant, seed + i * TRIES);
      if (!spoilt) throw new Error(`no place for ${name} from seed ${seed + i * TRIES} on`);
      expect(violationsIn(spoilt), `${name}, history ${spoilt.header.seed}`).to.not.deep.equal([]);
    }
  });

  it('know that a session is refused by what it wrote itself in its tree, and by nobody else', () => {
    const record = (rev: number, type: AuditType, more: object): AuditRecord => {
      const by = { kind: 'user', id: 'ann' } as const;
      return { epoch: 1, rev, at: rev, by, type, sessionId: 'one', ...more };
    };
    const granted = (rev: number, resource: string, scope: string): AuditRecord => {
      const details = { requestId: `request-${rev}`, mode: 'exclusive', scope };
      return record(rev, 'lock.granted', { resource, fence: rev, details });
    };
    const write = (session: string, fence: number, call: number, accepted: boolean): Op => {
      const known = { kind: 'op', proc: session, opId: `write-${call}`, key: 'a/1', type: 'ok' } as const;
      return { ...known, session, op: 'write', call, ret: call + 1, fence, value: { accepted } };
    };
    const header = { kind: 'header', version: 1, seed: 1, versions: {}, settings: {} } as const;
    const records = [record(1, 'session.opened', {}), granted(2, 'a', 'tree'), granted(3, 'a/1', 'record')];
    const ops = [write('one', 3, 10, true), write('one', 2, 20, false)];
    expect(violationsIn({ header, ops, records })).to.deep.equal([]);
    const other = { ...(records[2] as AuditRecord), sessionId: 'two' };
    const opened = record(1, 'session.opened', { sessionId: 'two' });
    const [first, second] = records as [AuditRecord, AuditRecord];
    const stolen = [first, opened, second, other].map((one, i) => ({ ...one, rev: i + 1 }));
    expect(violationsIn({ header, ops, records: stolen }).join()).to.include('the lock never ended');
  });

  it('look through 10 000 operations in two seconds', () => {
    const history = legalHistory(seed, 40_000);
    expect(history.ops.length).to.be.at.least(10_000);
    const startedAt = process.cpuUsage();
    expect(violationsIn(history)).to.deep.equal([]);
    const { user, system } = process.cpuUsage(startedAt);
    expect((user + system) / 1_000, 'ms of processor').to.be.below(LIMIT_MS);
  });

  it('read back what was written, and refuse what is no whole history', () => {
    const history = legalHistory(seed, 50, true);
    const text = textOf(history);
    expect(textOf(historyFrom(text))).to.equal(text);
    const lines = text.trimEnd().split('\n');
    const wrong: [string, RegExp][] = [
      ['', /header/],
      [lines.slice(1).join('\n'), /header/],
      [lines.slice(0, -1).join('\n'), /cut off/],
      [lines.toSpliced(3, 1).join('\n'), /cut off/],
      [lines.toSpliced(1, 1, '{"kind":').join('\n'), /line 2 is no JSON/],
      [lines.toSpliced(1, 1, '{"kind":"other"}').join('\n'), /line 2 is of no known kind/],
      [
        lines.toSpliced(1, 1, '{"kind":"op","op":"fly"}').join('\n'),
        /line 2 has an operation of no known name/,
      ],
      [
        lines.toSpliced(1, 1, '{"kind":"op","op":"check","call":2,"ret":1}').join('\n'),
        /line 2 returned before/,
      ],
    ];
    for (const [bad, why] of wrong) expect(() => historyFrom(bad), bad.slice(0, 40)).to.throw(why);
  });

  it('check kept histories again by command, and end with 1 on a violation', () => {
    const path = (name: string): string => join(folder, name);
    const legal = legalHistory(seed);
    writeHistory(path('legal.jsonl'), legal);
    const spoilt = FAULTS['a fence that goes back']?.(legal, new Random(seed));
    if (!spoilt) throw new Error('nothing was granted');
    writeHistory(path('spoilt.jsonl'), spoilt);
    writeFileSync(path('none.jsonl'), 'hello\n');
    expect(execFileSync(process.execPath, [command, path('legal.jsonl')], { encoding: 'utf8' })).to.match(
      new RegExp(
        `seed ${legal.header.seed}, .*exclusion +holds.*linear +holds.*fences +holds.*queue +holds.*ends +holds`,
        's',
      ),
    );
    const bad = spawnSync(process.execPath, [command, path('spoilt.jsonl')], { encoding: 'utf8' });
    expect(bad.status).to.equal(1);
    expect(bad.stdout).to.match(/fences +\d+ violations\n {4}\d+\/\d+ lock\.granted: fence 1000 after/);
    expect(spawnSync(process.execPath, [command, path('none.jsonl')]).status).to.equal(2);
    expect(spawnSync(process.execPath, [command]).status).to.equal(2);
  });
});
