#!lua flags=allow-oom
-- Gives a lock back and grants the next waiters. Includes: _lib _session _tree _lock _queue _next _release
-- ARGV 1 sid · 2 resource · 3 fence
-- Answers { released } – false: it was not held with that fence.
local sid, resource = ARGV[1], ARGV[2]
if call('HGET', P .. 'held:' .. sid, resource) ~= ARGV[3] then
  return answer({ released = false })
end
local s = person_of(sid)
local lock = drop_lock(sid, resource, 'released')
record('lock.released', { kind = 'user', id = s.uid, name = s.name }, {
  sessionId = sid, user = user_of(s), resource = resource, fence = ARGV[3],
})
unblock(resource, lock.scope)
return answer({ released = true })
