import {
  AUDIT_TYPES,
  DEFAULT_POLICY,
  END_REASONS,
  LOCK_LOST_REASONS,
  ORDER_STATES,
  OUTCOMES,
  POLICY_RANGES,
  PUBLIC_POLICY_KEYS,
  ROLES,
  SESSION_STATES,
} from '@lastcall/shared';
import { expect } from 'chai';
import { CLIENT_PAYLOADS, ROUTES, type Route } from 'lastcall/internal/schema/index.js';
import { quotedIn, rowsOf, sectionOf } from './support/markdown.js';
import { read, sourcesIn } from './support/sources.js';

const protocol = read('docs/protocol.md');
const section = (heading: string): string => sectionOf(protocol, heading);
const firstCells = (text: string): string[] => rowsOf(text).map(([cell = '']) => cell);
const namesIn = (text: string): string[] => firstCells(text).flatMap(quotedIn);

/** The keys of an interface of the contract that exists at compile time alone. */
function keysOf(name: string): string[] {
  const body = new RegExp(`^export interface ${name} \\{\\n(?<body>[^]*?)^\\}`, 'm').exec(
    read('shared/src/events.ts'),
  );
  const keys = [...(body?.groups?.['body'] ?? '').matchAll(/^ {2}'?(?<key>[\w:]+)'?: /gm)];
  return keys.map(({ groups = {} }) => groups['key'] ?? '');
}

/** Numbers with their thousands apart, as people read them. */
const numbersIn = (text: string): number[] =>
  (text.match(/\d[\d ]*/g) ?? []).map((digits) => Number(digits.replaceAll(' ', '')));

/** `GET T/sessions/:id` for a row of the table of routes. */
const callOf = ({ method, path }: Route): string =>
  `${method.toUpperCase()} ${path.replace('/v1/tenants/:tenant/', 'T/')}`;

/** What is served besides the table of routes: pages, and the call that no token of ours opens. */
const BACK_CHANNEL = 'POST T/backchannel-logout';
const PAGE_NAMES = 'livez readyz metrics openapi.json asyncapi.json docs demo/ console/ console/identity';
const PAGES = PAGE_NAMES.split(' ').map((page) => `GET /${page}`);

describe('the contract on paper is the contract in code', () => {
  it('names every event of the client channel, and no other', () => {
    expect(namesIn(section('### Client → broker'))).to.have.members(Object.keys(CLIENT_PAYLOADS));
    expect(namesIn(section('### Broker → client'))).to.have.members(keysOf('ServerPushes'));
  });

  it('names every event of the admin channel, and no other', () => {
    expect(namesIn(section('## 4. The admin channel'))).to.have.members(keysOf('AdminPushes'));
  });

  it('names every HTTP call, and no other', () => {
    const calls = Object.values(ROUTES).map(callOf);
    expect(namesIn(section('## 5. HTTP'))).to.have.members([
      ...calls,
      BACK_CHANNEL,
      ...PAGES,
      'POST /dev/token',
      'POST /console/code',
    ]);
  });

  it('names every filter of every list', () => {
    const rows = rowsOf(section('## 5. HTTP'));
    for (const route of Object.values(ROUTES) as readonly Route[]) {
      const row = rows.find(([cell = '']) => quotedIn(cell)[0] === callOf(route)) ?? [];
      const filters = Object.keys(route.query?.shape ?? {}).filter(
        (name) => name !== 'limit' && name !== 'cursor',
      );
      const told = [...(row[1] ?? '').matchAll(/[?&](\w+)=/g)].map((match) => match[1] ?? '');
      expect(told, callOf(route)).to.have.members(filters);
    }
  });

  it('has every setting of the policy with its default and its bounds', () => {
    const rows = rowsOf(section('## 6. Policy'));
    expect(rows.map(([cell = '']) => quotedIn(cell)[0])).to.have.members(Object.keys(DEFAULT_POLICY));
    for (const [cell = '', standard = '', range = ''] of rows) {
      const name = quotedIn(cell)[0] as keyof typeof DEFAULT_POLICY;
      const allowed = POLICY_RANGES[name];
      const value = DEFAULT_POLICY[name];
      expect(typeof value === 'number' ? numbersIn(standard)[0] : quotedIn(standard)[0], name).to.equal(
        value,
      );
      if ('min' in allowed) {
        expect(numbersIn(range).slice(0, 2), name).to.deep.equal([allowed.min, allowed.max]);
        expect(/\b0 = (?:off|no limit)/.test(range), name).to.equal(allowed.orZero === true);
      } else {
        expect(quotedIn(range), name).to.have.members([...allowed]);
      }
    }
  });

  it('names every word of its lists', () => {
    const words = [
      ...SESSION_STATES,
      ...END_REASONS,
      ...ORDER_STATES,
      ...OUTCOMES,
      ...AUDIT_TYPES,
      ...ROLES,
      ...PUBLIC_POLICY_KEYS,
    ];
    const quoted = new Set(quotedIn(protocol));
    expect(words.filter((word) => !quoted.has(word))).to.deep.equal([]);
    for (const reason of LOCK_LOST_REASONS) expect(protocol).to.include(`"${reason}"`);
  });

  it('marks the settings that no code reads, and no others', () => {
    const marked = firstCells(section('## 6. Policy')).filter((cell) => cell.includes('†'));
    const code = [...sourcesIn(['server/lua'], '.lua'), ...sourcesIn(['server/src'], '.ts')];
    const isRead = (name: string) => {
      const reading = new RegExp(`olicy\\('${name}'\\)|olicy\\.${name}\\b`);
      return code.some(({ text }) => reading.test(text));
    };
    expect(marked.flatMap(quotedIn)).to.have.members(
      Object.keys(DEFAULT_POLICY).filter((name) => !isRead(name)),
    );
  });
});
