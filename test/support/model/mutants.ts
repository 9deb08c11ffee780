import { assemble, SCRIPT_NAMES } from 'lastcall/internal/redis/scripts.js';
import type { Mutate } from '../virtual-time.js';

/** A way in which scripts could be wrong: what stands there, and what stands there instead. */
export interface Mutant {
  readonly what: string;
  readonly from: string;
  readonly to: string;
}

/** Mistakes in scripts of sessions and orders; the model has to notice each. */
export const ORDER_MUTANTS: readonly Mutant[] = [
  {
    what: 'an end is recorded twice',
    from: '  local work = release_all(s, by,',
    to: `  record('session.ended', by, { sessionId = s.id, user = user_of(s), orderId = oid, reason = reason,
    details = { from = from } })
  local work = release_all(s, by,`,
  },
  {
    what: 'a hold that begins late has no cap',
    from: 'math.min(NOW, deadline) + o.holdMs',
    to: 'NOW + o.holdMs',
  },
  {
    what: 'a hold can be taken again',
    from: "said == 'saving' and hold < 0 and",
    to: "said == 'saving' and",
  },
  {
    what: 'a closing order can be cancelled',
    from: "o.state == 'closing' or o.state == 'done' or (o.action == 'logoff' and o.deadlineAt <= NOW)",
    to: "o.state == 'done'",
  },
  {
    what: 'more time is told and not given',
    from: 'local deadline = o.deadlineAt + tonumber(total or 0)',
    to: 'local deadline = o.deadlineAt',
  },
  {
    what: 'more time is given once too often',
    from: 'tonumber(times) >= limits.maxCount',
    to: 'tonumber(times) > limits.maxCount',
  },
  {
    what: 'an ended session is resumed',
    from: "if known.state == 'ended' then\n  return refuse('session_ended'",
    to: "if false then\n  return refuse('session_ended'",
  },
  {
    what: 'an ended session is opened again',
    from: "if known.keyHash ~= key_hash or known.state == 'ended' then",
    to: 'if known.keyHash ~= key_hash then',
  },
  {
    what: 'the latest deadline rules',
    from: 'if not first_at or at < first_at then',
    to: 'if not first_at or at > first_at then',
  },
  {
    what: 'who has saved stays',
    from: "if receipt.savedAt and o.action == 'logoff' then",
    to: 'if false then',
  },
  {
    what: 'the count of saves only grows',
    from: "  if receipt.state == 'saving' then\n    count(o.id, 'saving', -1)\n  end\n",
    to: '',
  },
  {
    what: 'an old socket keeps the lease',
    from: 'if attach ~= attaches[i] then',
    to: 'if false then',
  },
  {
    what: 'an old socket takes the new one with it',
    from: "if is_superseded(s, ARGV[2]) then return refuse('superseded') end\n",
    to: '',
  },
  {
    what: 'later sessions are not hit',
    from: 'if o and hits(oid)(s) and not spares_newcomer(o, s) then',
    to: 'if false then',
  },
  { what: 'exceptions are hit', from: 'return wanted(s) and not spared(s)', to: 'return wanted(s)' },
  {
    what: 'the issuer is hit',
    from: "if s.uid == kept or q.includeSelf ~= '1' and s.uid == q.issuer then",
    to: 'if false then',
  },
  {
    what: 'a gap gives nothing',
    from: "+ math.max(0, since) + 2 * policy('beatMs')",
    to: '',
  },
  {
    what: 'an order takes back what a gap gave',
    from: "math.max(due_at, tonumber(s.creditEndsAt or '0'),",
    to: 'math.max(due_at,',
  },
  {
    what: 'whoever says something at its deadline puts it off',
    from: "  sooner(deadline)\n  call('ZADD'",
    to: "  call('ZADD'",
  },
  {
    what: 'an end is proved while a socket is open',
    from: 'if live[node] then',
    to: 'if false then',
  },
  {
    what: 'nobody is kept out',
    from: 'if deny_ms > 0 and (',
    to: 'if false and (',
  },
  { what: 'a cancelled order keeps people out', from: '      allow_by_order(s.id, o)\n', to: '' },
  {
    what: 'who is cut off for security gets time',
    from: 'if cuts(q) then\n  q.graceMs, q.holdMs, q.extend = 0, 0, nil',
    to: 'if cuts(q) then\n  q.graceMs, q.holdMs = q.graceMs, q.holdMs',
  },
  {
    what: 'an order is done before all is proved',
    from: "call('HGET', order_key(o.id), 'undecided') == '0'",
    to: 'true',
  },
];

/** Puts the mutant's text into every script in which it stands. @throws Error when it stands in none any more */
export function mutate({ what, from, to }: Mutant): Mutate {
  if (!SCRIPT_NAMES.some((name) => assemble(name).source.includes(from))) {
    throw new Error(`no script has the text that is to become wrong: ${what}`);
  }
  return (source) => source.replace(from, () => to);
}
