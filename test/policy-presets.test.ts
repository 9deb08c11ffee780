import {
  DEFAULT_POLICY,
  type LastcallError,
  POLICY_PRESETS,
  POLICY_RULES,
  type PolicySettings,
  PRESET_NAMES,
  presetOf,
} from '@lastcall/shared';
import { expect } from 'chai';
import { buildOpenApi } from 'lastcall/internal/http/openapi.js';
import { parse, policySettingsSchema } from 'lastcall/internal/schema/index.js';
import { useApi } from './support/api.js';
import { read } from './support/sources.js';

/** What is wrong with settings, as `setting: message`. */
function issuesOf(settings: object): readonly string[] {
  try {
    parse(policySettingsSchema, settings);
    return [];
  } catch (error) {
    return ((error as LastcallError).extras.issues ?? []).map(({ path, message }) => `${path}: ${message}`);
  }
}

/** One change of the defaults for each rule, and the nearest one that is still in order. */
const CONTRADICTIONS: readonly [path: string, bad: Partial<PolicySettings>, good: Partial<PolicySettings>][] =
  [
    ['leaseMs', { beatMs: 20_001 }, { beatMs: 20_000 }],
    [
      'idleLogoffMs',
      { idleLogoffMs: 300_000, idleWarnMs: 300_000 },
      { idleLogoffMs: 0, idleWarnMs: 300_000 },
    ],
    [
      'idleLogoffMs',
      { idleLogoffMs: 300_000, idleWarnMs: 285_001 },
      { idleLogoffMs: 300_000, idleWarnMs: 285_000 },
    ],
    ['idleLogoffMs', { idleLogoffMs: 299_999 }, { idleLogoffMs: 300_000 }],
    ['idleWarnMs', { idleWarnMs: 14_999 }, { idleWarnMs: 15_000 }],
    ['idleAfterMs', { idleAfterMs: 14_999 }, { idleAfterMs: 15_000 }],
    ['lockIdleMs', { lockIdleMs: 14_999 }, { lockIdleMs: 0 }],
    ['maxAgeMs', { maxAgeMs: 60_000 }, { maxAgeMs: 60_001 }],
    [
      'maxSessionsPerUser',
      { maxSessions: 2, maxSessionsPerUser: 3 },
      { maxSessions: 3, maxSessionsPerUser: 3 },
    ],
    ['endedKeepMs', { endedKeepMs: 60_000, leaseMs: 60_001 }, { endedKeepMs: 60_000, leaseMs: 60_000 }],
    ['endedKeepMs', { endedKeepMs: 60_000, flushMs: 50_001 }, { endedKeepMs: 60_000, flushMs: 50_000 }],
  ];

describe('settings that go together', () => {
  it('[A16] there is a contradiction of every kind here', () => {
    expect(CONTRADICTIONS.map(([path]) => path)).to.deep.equal(POLICY_RULES.map(({ path }) => path));
  });

  for (const [i, [path, bad, good]] of CONTRADICTIONS.entries()) {
    it(`[A16] [A4] refuses ${JSON.stringify(bad)}, and that alone`, () => {
      expect(issuesOf({ ...DEFAULT_POLICY, ...bad })).to.deep.equal([`${path}: ${POLICY_RULES[i]?.message}`]);
      expect(issuesOf({ ...DEFAULT_POLICY, ...good })).to.deep.equal([]);
    });
  }

  it('[A16] every rule stands in the contract', () => {
    const contract = read('docs/protocol.md').replaceAll(/\s+/g, ' ').replaceAll('`', '');
    for (const { path, message } of POLICY_RULES) expect(contract).to.include(`${path} ${message}`);
  });
});

describe('presets', () => {
  const api = useApi();

  it('[A16] are whole settings without a contradiction, each with a sentence, and one is the defaults', () => {
    for (const name of PRESET_NAMES) {
      const { summary, settings } = POLICY_PRESETS[name];
      expect(issuesOf(settings), name).to.deep.equal([]);
      expect(summary).to.match(/^[A-Z].{20,150}\.$/);
      expect(presetOf(settings)).to.equal(name);
      expect(read('docs/protocol.md').replaceAll(/\s+/g, ' ')).to.include(summary);
    }
    expect(POLICY_PRESETS.standard.settings).to.deep.equal(DEFAULT_POLICY);
    expect(presetOf({ ...DEFAULT_POLICY, graceMs: 1 })).to.equal(undefined);
  });

  it('[A16] get stricter from one to the next', () => {
    const [strict, standard, relaxed] = PRESET_NAMES.map((name) => POLICY_PRESETS[name].settings);
    for (const name of [
      'idleAfterMs',
      'idleLogoffMs',
      'idleWarnMs',
      'maxAgeMs',
      'graceMs',
      'holdMs',
    ] as const) {
      expect(strict?.[name], name).to.be.below(standard?.[name] ?? 0);
      expect(relaxed?.[name], name).to.be.greaterThan(standard?.[name] ?? 0);
    }
  });

  it('[A16] stand in the OpenAPI document as they may be sent, and are taken', async () => {
    const content = buildOpenApi().paths?.['/v1/tenants/{tenant}/policy']?.put?.requestBody;
    expect(content).to.have.nested.property('content.application/json.examples.strict.value.beatMs', 10_000);
    for (const [version, name] of PRESET_NAMES.entries()) {
      const headers = { 'If-Match': `"${version}"` };
      const sent = api.here({ body: POLICY_PRESETS[name].settings, headers });
      expect(await api.admin.does('policy.set', sent)).to.include({ version: version + 1 });
    }
  });
});
