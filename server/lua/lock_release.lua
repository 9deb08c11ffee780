#!lua flags=allow-oom
-- Gives a lock back and grants the next waiters. Includes: _lib _session _tree _lock _queue _next _release
-- ARGV 1 sid · 2 resource · 3 fence
-- Answers { released } – false: it was not held with that fence.
local sid, resource = ARGV[1], ARGV[2]
local lock = held_lock(resource, sid)
if not lock or lock.fence ~= ARGV[3] or call('HDEL', P .. 'held:' .. sid, resource) == 0 then
  return answer({ released = false })
end
local s = person_of(sid)
drop_lock(sid, resource, 'released', lock)
record('lock.released', { kind = 'user', id = s.uid, name = s.name }, {
  sessionId = sid, user = user_of(s), resource = resource, fence = ARGV[3],
})
unblock(resource, lock.scope)
return answer({ released = true })
