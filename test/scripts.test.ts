import { SESSION_STATES, type SessionFacts, sessionState } from '@lastcall/shared';
import { expect } from 'chai';
import { revKey } from 'lastcall/internal/redis/keys.js';
import { assemble, SCRIPT_NAMES } from 'lastcall/internal/redis/scripts.js';
import { freshTenant } from './support/broker.js';
import {
  assembledScripts,
  headerOf,
  includesOf,
  lintLua,
  luacheckAvailable,
  luaFiles,
} from './support/lua.js';
import { type Observer, observer, testStore } from './support/redis.js';
import type { Source } from './support/sources.js';

const files = luaFiles();
const libraries = [...files].filter(([name]) => name.startsWith('_'));
const verbs = [...files].filter(([name]) => !name.startsWith('_'));
const verb = (text: string): Source => ({ path: 'server/lua/x.lua', text });
const withoutComments = ({ text }: Source): string => text.replace(/^\s*--.*$|\s--\s.*$/gm, '');

/** What is wrong with a verb's header, which is its contract. */
function headerFaults(file: Source): string[] {
  const header = headerOf(file);
  const [shebang = ''] = file.text.split('\n');
  const body = withoutComments(file);
  const args = [...body.matchAll(/ARGV\[(\d+)\]/g)].map((match) => match[1] ?? '');
  const documented = /^-- ARGV (?<args>[^]*?)^-- Answers /m.exec(header)?.groups?.['args'] ?? '';
  return [
    ...(/^#!lua(?: flags=(?:allow-oom|no-writes))?$/.test(shebang) ? [] : [`begins with ${shebang}`]),
    ...(includesOf(file)[0] === '_lib' ? [] : ['does not include _lib first']),
    ...(/^-- Answers \S/m.test(header) ? [] : ['does not say what it answers']),
    ...[...new Set(args)]
      .filter((n) => !new RegExp(`(?:^|[ ·])${n}(?:\\.\\.)? `).test(documented))
      .map((n) => `does not explain ARGV ${n}`),
  ];
}

/** What a script must not do: take in text as code or reply, look at all keys, name a command by a variable. */
function bodyFaults(file: Source): string[] {
  const body = withoutComments(file);
  const forbidden =
    /\b(?:redis\.(?:error_reply|status_reply|pcall|setresp|log)|pcall|error|loadstring|load|dofile|setfenv|rawset)\b/g;
  const commands = [...body.matchAll(/\bcall\((?<command>'[A-Z]+'|[^)]{0,20})/g)].map(
    ({ groups = {} }) => groups['command'] ?? '',
  );
  const dangerous =
    /^'(?:KEYS|[HSZ]?SCAN|RANDOMKEY|EVAL|EVALSHA|FCALL|FLUSH\w*|CONFIG|SCRIPT|MIGRATE|MOVE|PUBLISH|SORT)'$/;
  return [
    ...(body.match(forbidden) ?? []),
    ...commands.filter((command) => !/^'[A-Z]+'$/.test(command)).map((command) => `call(${command}`),
    ...commands.filter((command) => dangerous.test(command)),
  ];
}

/** Where a value gets its name, another value, or another part. */
const changeOf = (constant: string): RegExp =>
  new RegExp(
    `\\b${constant}(?:\\[[^\\]]*\\]|\\.\\w+)?(?:, [A-Z_]{3,})* = (?!=)|(?:insert|remove|sort)\\(${constant}\\b`,
    'g',
  );

describe('[A7] scripts are constants', () => {
  it('are one file per verb, all of them known', () => {
    expect(verbs.map(([name]) => name)).to.have.members([...SCRIPT_NAMES]);
    expect(SCRIPT_NAMES).to.deep.equal([...SCRIPT_NAMES].toSorted());
  });

  it('stay short', () => {
    for (const [name, { text }] of files) {
      const limit = name.startsWith('_') ? 200 : 160;
      expect(text.split('\n').length - 1, name).to.be.at.most(limit);
    }
  });

  it('say in a header what they include, take and answer', () => {
    for (const [name, file] of verbs) expect(headerFaults(file), name).to.deep.equal([]);
  });

  it('include what their libraries need, in that order, and each library is used', () => {
    const needs = new Map(
      libraries.map(([name, { text }]) => [name, text.split('\n')[0]?.match(/\b_[a-z]+/g) ?? []]),
    );
    for (const [name, file] of verbs) {
      const includes = includesOf(file);
      for (const [place, library] of includes.entries()) {
        expect(needs.get(library), `${name} includes ${library}`).not.to.equal(undefined);
        expect(includes.slice(0, place), `${name}: before ${library}`).to.include.members([
          ...(needs.get(library) ?? []),
        ]);
      }
    }
    const included = new Set(verbs.flatMap(([, file]) => includesOf(file)));
    expect([...included]).to.have.members(libraries.map(([name]) => name));
  });

  it('never take text in as code or as a reply, and never look at all keys', () => {
    for (const [name, file] of files) expect(bodyFaults(file), name).to.deep.equal([]);
  });

  it('read the clock once, at their start', () => {
    const readers = [...files].filter(([, { text }]) => text.includes("'TIME'")).map(([name]) => name);
    expect(readers).to.deep.equal(['_lib']);
    expect(files.get('_lib')?.text.match(/'TIME'/g)).to.have.lengthOf(1);
  });

  it('are given to Redis as they stand', () => {
    for (const { name, source, origins } of assembledScripts()) {
      const lines = source.split('\n');
      const own = files.get(name)?.text.split('\n').slice(1, -1) ?? [];
      const at = origins.indexOf(`${name}:2`);
      expect(lines[at - 1], name).to.equal('local function run()');
      expect(lines.slice(at, at + own.length), name).to.deep.equal(own);
      expect(lines.slice(at + own.length, at + own.length + 2), name).to.deep.equal([
        'end',
        'redis.register_function({',
      ]);
    }
  });

  it('begin each run with nothing of the run before', () => {
    for (const { name, source } of assembledScripts()) {
      const [, , ...lines] = source.slice(0, source.indexOf('local function run()')).split('\n');
      // In no function: what is made once is a constant, everything else is made anew.
      const made = lines.filter((line) => /^(?:do )?(?:local )?\w+(?:, \w+)* =/.test(line));
      const variables = made.filter(
        (line) => !/^(?:local )?[A-Z][A-Z_]{2,}(?:, [A-Z_]{3,})* = [^(]*$/.test(line),
      );
      expect(variables, name).to.deep.equal([]);
      for (const constant of made.flatMap((line) => line.split(' = ')[0]?.match(/[A-Z_]{3,}/g) ?? [])) {
        expect(source.match(changeOf(constant)) ?? [], `${name}: ${constant}`).to.have.lengthOf(1);
      }
    }
  });

  it('[L21] are told of fences behind their arguments if they can draw one, and count those from the front then', () => {
    const drawing = SCRIPT_NAMES.filter((name) => assemble(name).source.includes("P .. 'fence'"));
    expect(SCRIPT_NAMES.filter((name) => assemble(name).drawsFences)).to.deep.equal(drawing);
    expect(drawing).to.include.members(['lock_acquire', 'lock_release', 'session_end', 'sweep']);
    for (const name of drawing) {
      const body = withoutComments(files.get(name) as Source);
      expect(body.match(/#ARGV(?! - [12]\b)/g), name).to.equal(null);
    }
  });

  it('would be noticed if they were otherwise', () => {
    const header = '#!lua\n-- Does. Includes: _lib\n-- ARGV 1 sid · 2 node\n-- Answers {}.\n';
    expect(headerFaults(verb(`${header}return answer(ARGV[1] .. ARGV[2])\n`))).to.deep.equal([]);
    expect(headerFaults(verb(`${header}return answer(ARGV[3])\n`))).to.deep.equal([
      'does not explain ARGV 3',
    ]);
    expect(headerFaults(verb('return 1\n'))).to.have.lengthOf(3);
    expect(bodyFaults(verb("return redis.error_reply('no ' .. ARGV[1])\n"))).to.deep.equal([
      'redis.error_reply',
    ]);
    for (const change of ['SAY = nil', "SAY['x'] = 1", 'SAY.x = 1', 'table.insert(SAY, 1)'])
      expect(change.match(changeOf('SAY')), change).to.have.lengthOf(1);
    expect('say = { text = SAY.x, y = 1, z = SAY == 1 }'.match(changeOf('SAY'))).to.equal(null);
    expect(bodyFaults(verb("call('KEYS', 'lc:*')\ncall(ARGV[1])\n"))).to.have.lengthOf(2);
  });
});

describe('[A7] scripts through luacheck', () => {
  before('luacheck', function () {
    if (luacheckAvailable()) return;
    if (process.env['CI'] === 'true') throw new Error('luacheck is not installed');
    process.stderr.write('  luacheck is not installed: left out: what it finds in scripts\n');
    this.skip();
  });

  it('have no findings', () => {
    expect(lintLua(assembledScripts())).to.deep.equal([]);
  });

  it('would have: what is unused in a verb, unused in every script, or not there', () => {
    const [first, ...rest] = assembledScripts().filter(({ name }) => name.startsWith('lock_'));
    if (first === undefined) throw new Error('there are no scripts of locks');
    const [shebang, defaults, ...body] = first.source.split('\n');
    const [, , ...origins] = first.origins;
    const wrong = {
      ...first,
      source: [shebang, defaults, 'local unused = 1', 'redis.call(nobody)', ...body].join('\n'),
      origins: [`${first.name}:1`, 'defaults:1', `${first.name}:900`, `${first.name}:901`, ...origins],
    };
    expect(lintLua([wrong, ...rest]).filter((line) => line.includes(':90'))).to.deep.equal([
      `server/lua/${first.name}.lua:900 W211 unused variable 'unused'`,
      `server/lua/${first.name}.lua:901 W113 accessing undefined variable 'nobody'`,
    ]);
    // One script alone uses only a part of the libraries.
    expect(lintLua([first])).not.to.deep.equal([]);
  });
});

const flags = [false, true];
const facts: SessionFacts[] = flags.flatMap((ended) =>
  flags.flatMap((connected) =>
    flags.flatMap((saving) =>
      flags.flatMap((warned) => flags.map((idle) => ({ ended, connected, saving, warned, idle }))),
    ),
  ),
);
/** The facts as the registry may have them: what is not so is absent, empty or `0`. */
const stored = (fact: SessionFacts): object[] =>
  ['', '0', undefined].map((no) => ({
    state: fact.ended ? 'ended' : 'active',
    conn: fact.connected ? '1' : '0',
    saving: fact.saving ? '1' : no,
    deadlineOrder: fact.warned ? 'an order' : no === '0' ? '' : no,
    idle: fact.idle ? '1' : no,
  }));

describe('[S11] the state of a session', () => {
  let redis: Observer;
  before(async () => {
    redis = await observer((await testStore()).url);
  });
  after(() => redis.destroy());

  it('is the same in scripts as in the contract, over all facts', async () => {
    const library = ['_lib', '_session'].map((name) => files.get(name)?.text ?? '').join('');
    const source = `#!lua\nlocal DEFAULT_POLICY = {}\n${library}return state_of(cjson.decode(ARGV[1]))\n`;
    const seen = new Set<string>();
    for (const fact of facts) {
      for (const row of stored(fact)) {
        const state = await redis.eval(source, {
          keys: [revKey(freshTenant())],
          arguments: [JSON.stringify(row)],
        });
        expect(state, JSON.stringify(row)).to.equal(sessionState(fact));
        seen.add(sessionState(fact));
      }
    }
    expect([...seen]).to.have.members([...SESSION_STATES]);
  });
});
