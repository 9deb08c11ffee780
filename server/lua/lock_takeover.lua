#!lua
-- Takes a lock from its holders: they are asked and have time to save; those that are idle yield at once, and force
-- asks nobody. Includes: _lib _session _tree _lock _queue _next _release _holder _cycle _ask _takeover
-- ARGV 1 sid · 2 resource · 3 '1' with force · 4 why · 5 requestId · 6 '1' may force · 7 attach
-- Answers { state = 'asked', deadlineMs }, { state = 'granted', lock }, `takeover_refused` with a reason and blockers,
-- or `session_ended`, `unavailable`, `lock_limit` and `conflict` like lock_acquire.
local sid, resource, force, why = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
local s, code, extras = asking(sid, ARGV[5])
if code then return refuse(code, extras) end

local mine = call('HGET', P .. 'lock:' .. resource, sid)
local own = mine and lock_of(resource, mine)
if own and own.mode == 'exclusive' then
  local want = { resource = resource, mode = own.mode, scope = own.scope, requestId = ARGV[5], ids = own.requestId,
    note = own.note }
  return answer({ state = 'granted', lock = is_doubted(own) and grant(s, want) or own_lock(resource, mine) })
end
local t = takeover_of(resource)
if t and t.sid == sid and t.requestId == ARGV[5] then
  return answer({ state = 'asked', deadlineMs = math.max(0, t.deadlineAt - NOW) })
end
if call('HEXISTS', P .. 'waits:' .. sid, ARGV[5]) == 1 then return refuse('conflict') end

local holders = other_holders(resource, sid)
local want = spoils_of(resource, holders, sid, ARGV[5])
local may, may_force = policy('lockTakeover'), ARGV[6] == '1'
local idle, all_idle, has_ended = {}, #holders > 0, false
for _, holder in ipairs(holders) do
  local other = session_of(holder)
  has_ended = has_ended or not other or other.state == 'ended'
  idle[holder] = is_idle(other, lease_of(holder))
  all_idle = all_idle and idle[holder]
end

-- Why not, if not.
local function objection()
  if is_held_around(want, sid) then return 'around' end
  if #holders == 0 then return older_against(want, sid, '+inf') and 'waiting' or nil end
  if has_ended then return 'ended' end
  if may == 'never' then return 'never' end
  if may == 'admin' and not may_force then return 'admins' end
  if force and may ~= 'admin' then return 'force' end
  if may == 'idle' and not all_idle then return 'busy' end
  if t and not force then return 'asked' end
  if #holders > MAX_ASKED then return 'many' end
  return nil
end
local reason = objection()
if reason then
  return refuse('takeover_refused', { reason = reason, blockers = blockers_of(want, sid) })
end
if not own and is_over_limit(sid, 1) then return refuse('lock_limit') end
if #holders > 0 and not force and not all_idle then
  return answer({ state = 'asked', deadlineMs = ask_holders(s, want, why, holders, idle) - NOW })
end
-- Who waited behind an older one that asked is granted nothing before the lock is taken.
local older = t and drop_takeover(t, 'refused', { kind = 'user', id = s.uid, name = s.name })
local details = { why = why ~= '' and why or nil, forced = force or nil }
local lock = take_from(holders, s, want, force and 'takeover' or 'idle', details)
if older then unblock(resource, older.scope) end
return answer({ state = 'granted', lock = lock })
