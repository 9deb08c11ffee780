#!lua
-- Makes a shared lock exclusive, ahead of the queue. Until then the shared lock stays.
-- Includes: _lib _session _tree _lock _queue _next _release _holder _cycle _ask
-- ARGV 1 sid · 2 resource · 3 fence · 4 waitMs · 5 requestId · 6 attach
-- Answers like lock_acquire, or `not_held`: nothing is held there with that fence.
local sid = ARGV[1]
local s, code, extras = asking(sid, ARGV[5])
if code then return refuse(code, extras) end

local mine = call('HGET', P .. 'lock:' .. ARGV[2], sid)
local lock = mine and lock_of(ARGV[2], mine)
local is_done = lock and lock.mode == 'exclusive'
if not lock or lock.fence ~= ARGV[3] and not (is_done and string.find(lock.requestId, ARGV[5], 1, true)) then
  return refuse('not_held')
end
if is_done then return answer({ state = 'granted', lock = own_lock(ARGV[2], mine) }) end
local want = { resource = ARGV[2], mode = 'exclusive', scope = lock.scope, requestId = ARGV[5], note = lock.note }
local place = waiting_place(sid, want)
if place then return place end
if not is_held_against(want, sid) then return answer({ state = 'granted', lock = grant(s, want) }) end
if is_over_limit(sid, 1) then return refuse('lock_limit') end
return wait_or_refuse(s, want, 'upgrade', tonumber(ARGV[4]), blockers_of(want, sid))
