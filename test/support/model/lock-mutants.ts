import type { Mutant } from './mutants.js';

/** Mistakes in scripts of locks; the model has to notice each. */
export const LOCK_MUTANTS: readonly Mutant[] = [
  {
    what: 'a reader gets what a writer has',
    from: "and (want.mode == 'exclusive' or is_held_exclusively(key)) then",
    to: "and want.mode == 'exclusive' then",
  },
  {
    what: "somebody's tree is no tree for those below",
    from: "if is_marked_against(parent, 'SX', want.mode, sid) then\n      return true",
    to: 'if false then\n      return true',
  },
  {
    what: 'a tree is granted above what is locked',
    from: "  return want.scope == 'tree' and is_marked_against(want.resource, 'sx', want.mode, sid)\nend\n\n-- Whether what one",
    to: '  return false\nend\n\n-- Whether what one',
  },
  {
    what: 'an upgrade leaves the mark of what it was',
    from: '    mark_lock(resource, s.id, before.mode, before.scope, -1)\n',
    to: '',
  },
  {
    what: 'grants of one instant have one fence',
    from: 'last_fence = math.max(last_fence + 1, US)',
    to: 'last_fence = math.max(last_fence, US)',
  },
  { what: 'any fence releases', from: 'if not lock or lock.fence ~= ARGV[3] or', to: 'if not lock or' },
  {
    what: 'a release passes nothing on',
    from: 'unblock(resource, lock.scope)\nreturn answer({ released = true })',
    to: 'return answer({ released = true })',
  },
  {
    what: 'a released request is forgotten',
    from: "drop_lock(sid, resource, 'released', lock)",
    to: 'drop_lock(sid, resource, nil, lock)',
  },
  {
    what: 'newcomers barge past those who wait',
    from: "  if not older then return answer({ state = 'granted'",
    to: "  if true then return answer({ state = 'granted'",
  },
  {
    what: 'who asks for many barges past those who wait',
    from: 'if is_held or older then return',
    to: 'if is_held then return',
  },
  {
    what: 'many locks count as none',
    from: 'if is_over_limit(sid, #free) then',
    to: 'if is_over_limit(sid, 0) then',
  },
  {
    what: 'a lock less is the limit',
    from: "+ more > policy('maxLocksPerSession')",
    to: "+ more >= policy('maxLocksPerSession')",
  },
  {
    what: 'a waiter more is the limit',
    from: ">= policy('maxWaitersPerResource')",
    to: "> policy('maxWaitersPerResource')",
  },
  {
    what: 'a repeated request gets a new place',
    from: 'if place then return place end\nif is_over_limit(sid, 1) then',
    to: 'if is_over_limit(sid, 1) then',
  },
  {
    what: 'a writer passes readers who wait above',
    from: 'if is_writer and readers and readers ~= sid or has_to_wait(',
    to: 'if has_to_wait(',
  },
  {
    what: 'a session waits behind itself',
    from: 'waiting[kind] = has_to_wait(want, sid, queue[i + 1])',
    to: 'waiting[kind] = true',
  },
  {
    what: 'who does not wait for itself waits for nobody else in line',
    from: 'waiting[kind] = has_to_wait(want, sid, queue[i + 1])',
    to: 'waiting[kind] = has_to_wait(want, sid, queue[i + 1], true)',
  },
  {
    what: 'what is asked for twice is had twice',
    from: "return want.before and want.kind ~= 'upgrade' and want.kind ~= 'takeover'",
    to: 'return false',
  },
  {
    what: 'who waits out of reach is granted',
    from: 'if want and is_reachable(sid) then',
    to: 'if want then',
  },
  {
    what: 'who waits out of reach keeps the others waiting',
    from: 'and is_reachable(other) and tell(other, older)',
    to: 'and tell(other, older)',
  },
  {
    what: 'those behind a closed socket are not passed on to',
    from: 'if change.detached then\n  pass_over(s.id)\nend\n',
    to: '',
  },
  {
    what: 'those behind an abandoned socket are not passed on to',
    from: "save_session(s, { conn = '0' }, SYSTEM)\n      pass_over(s.id)",
    to: "save_session(s, { conn = '0' }, SYSTEM)",
  },
  {
    what: 'who resumes has to wait for the next release',
    from: 'grant_waits(sid)\nreturn answer(welcome_of(s))',
    to: 'return answer(welcome_of(s))',
  },
  {
    what: 'who is revived has to wait for the next release',
    from: 'begin_lease(s)\ngrant_waits(s.id)\n',
    to: 'begin_lease(s)\n',
  },
  {
    what: 'what an ended session had is passed on to nobody',
    from: '  for _, gone in ipairs(freed) do\n    unblock(gone.resource, gone.scope)\n  end\n',
    to: '',
  },
  {
    what: 'a lock whose lease ran out is had at once',
    from: "reason == 'unresponsive' and policy('lockDelayMs') or 0",
    to: '0',
  },
  {
    what: 'a delayed lock is passed on to nobody',
    from: "reason = 'delay_over' })\n    unblock(resource, lock.scope)",
    to: "reason = 'delay_over' })",
  },
  {
    what: 'those behind a wait that is over are not looked at',
    from: "deny(sid, want, 'denied', SYSTEM)\n  unblock(want.resource, want.scope)",
    to: "deny(sid, want, 'denied', SYSTEM)",
  },
  {
    what: 'those behind a cancelled request are not looked at',
    from: "deny(sid, wait, 'cancelled', person)\n  unblock(wait.resource, wait.scope)",
    to: "deny(sid, wait, 'cancelled', person)",
  },
  { what: 'a cancelled upgrade stays one', from: '    downgrade(s, lock, ids)\n', to: '' },
  {
    what: 'an upgrade waits without its lock',
    from: "    if lock.mode == 'shared' then end_upgrades(sid, resource) end\n",
    to: '',
  },
  {
    what: 'an upgrade stands behind the queue',
    from: 'enter_queue(s, want, kind, next_ticket(at_head))',
    to: 'enter_queue(s, want, kind, next_ticket(false))',
  },
  {
    what: 'queues above are not looked at',
    from: '    done = done and serve(parent)\n',
    to: '',
  },
  {
    what: 'queues below a tree are not looked at',
    from: "local below = scope == 'tree' and",
    to: 'local below = false and',
  },
  {
    what: 'a released lock stays in the list',
    from: '  -- What was granted may be something above it.\n  forget_if_unused(resource)\n',
    to: '',
  },
  {
    what: 'circles through holders are not seen',
    from: 'if not known then each_against(node.want, node.sid, see) end',
    to: '',
  },
  {
    what: 'circles through those before in line are not seen',
    from: 'if not is_closed then each_older(node.want, node.sid, node.ticket, see, false, known) end',
    to: '',
  },
  {
    what: 'circles through what waits elsewhere are not seen',
    from: 'if not is_own then looked[kind] = node.ticket end',
    to: 'looked[kind] = node.ticket',
  },
  {
    what: 'who upgrades waits for nothing else',
    from: '  if at_head then add_waits(s.id) end\n',
    to: '',
  },
  {
    what: 'circles are seen where there is none',
    from: 'each_older(node.want, node.sid, node.ticket, see, false, known)',
    to: "each_older(node.want, node.sid, '+inf', see, false, known)",
  },
  {
    what: 'an upgrade that others would wait for is a circle to nobody',
    from: '      or at_head and overlaps(want, node.want) and tonumber(node.ticket) > tonumber(my_ticket))',
    to: ')',
  },
  { what: 'a circle is told backwards', from: 'table.insert(circle, 1, {', to: 'table.insert(circle, {' },
  { what: 'who keeps has yielded', from: "if ARGV[3] == 'keep' then", to: 'if false then' },
  {
    what: 'one who yields is enough',
    from: "all_yield = all_yield and t.asked[holder] == 'yield'",
    to: 'all_yield = true',
  },
  {
    what: 'who is silent has kept',
    from: 'can = can and t.asked[holder] ~= nil',
    to: "can = can and t.asked[holder] == 'yield'",
  },
  {
    what: 'who was not asked loses a lock',
    from: '    can = can and t.asked[holder] ~= nil\n',
    to: '',
  },
  {
    what: 'who takes over gets it while out of reach',
    from: 'local can = is_reachable(t.sid) and not',
    to: 'local can = not',
  },
  {
    what: 'a tree is taken over with what others have in it',
    from: "\n    and not is_marked_against(resource, 'sx', 'exclusive', sid)",
    to: '',
  },
  {
    what: 'what is around does not keep from taking over',
    from: "  if is_held_around(want, sid) then return 'around' end\n",
    to: '',
  },
  {
    what: 'anybody takes over where administrators may',
    from: "  if may == 'admin' and not may_force then return 'admins' end\n",
    to: '',
  },
  {
    what: 'it is taken over from people at work',
    from: "  if may == 'idle' and not all_idle then return 'busy' end\n",
    to: '',
  },
  {
    what: 'idle people are asked',
    from: 'if #holders > 0 and not force and not all_idle then',
    to: 'if #holders > 0 and not force then',
  },
  {
    what: 'a request whose lock was taken over is granted again',
    from: "drop_lock(holder, want.resource, 'taken_over')",
    to: 'drop_lock(holder, want.resource)',
  },
  {
    what: 'a broken lock is passed on to nobody',
    from: 'unblock(resource, scope)\nreturn answer({ broken',
    to: 'return answer({ broken',
  },
  {
    what: 'a fence is valid without a lease',
    from: "valid = call('EXISTS', lease_key(flat[i])) == 1",
    to: 'valid = true',
  },
  {
    what: 'the fence of a record is valid below it',
    from: " and not (is_above and lock.scope ~= 'tree') then\n      return cjson",
    to: ' then\n      return cjson',
  },
];
