#!lua
-- Grants a lock, or a place in its queue. Includes: _lib _session _tree _lock _queue _next _release _holder _cycle _ask
-- ARGV 1 sid · 2 resource · 3 mode · 4 scope · 5 waitMs · 6 requestId · 7 note · 8 attach
-- Answers { state = 'granted', lock }, { state = 'queued', requestId, position, blockers }, `locked` with blockers,
-- `deadlock` with cycle, `queue_full`, `lock_limit`, `session_ended`, `superseded`, `unavailable` while the session has
-- no lease (its next heartbeat brings one), or `conflict`: with the outcome of a request that is over, when it waits
-- for another resource, or when the session holds less of this one already.
local sid = ARGV[1]
local want = { resource = ARGV[2], mode = ARGV[3], scope = ARGV[4], requestId = ARGV[6], note = ARGV[7] }
local s, code, extras = asking(sid, want.requestId)
if code then return refuse(code, extras) end

local mine = call('HGET', P .. 'lock:' .. want.resource, sid)
if mine then
  local lock = lock_of(want.resource, mine)
  if not covers(lock, want) then return refuse('conflict', { reason = 'weaker' }) end
  if is_doubted(lock) then
    want.mode, want.scope, want.ids = lock.mode, lock.scope, lock.requestId
    return answer({ state = 'granted', lock = grant(s, want) })
  end
  return answer({ state = 'granted', lock = own_lock(want.resource, mine) })
end
local place = waiting_place(sid, want)
if place then return place end
if is_over_limit(sid, 1) then return refuse('lock_limit') end

local older, whose
local is_held = is_held_against(want, sid)
if not is_held then
  older, whose = older_against(want, sid, '+inf')
  if not older then return answer({ state = 'granted', lock = grant(s, want, nil, false) }) end
end
return wait_or_refuse(s, want, want.mode, tonumber(ARGV[5]), blockers_of(want, sid, older, whose))
