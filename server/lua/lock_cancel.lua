#!lua flags=allow-oom
-- Leaves a queue. A request that was granted meanwhile is released, so that nobody holds what nobody waits for.
-- Includes: _lib _session _lock
-- ARGV 1 sid · 2 requestId
-- Answers {}.
local sid, request_id = ARGV[1], ARGV[2]
local s = session_of(sid)
if not s then return answer({}) end
if s.state == 'ended' then return refuse('session_ended') end
local person = { kind = 'user', id = s.uid, name = s.name }
local wait = leave_queue(sid, request_id)
if wait then
  finish_request(sid, request_id, 'cancelled')
  forget_if_unused(wait.resource)
  record('lock.requested', person, { sessionId = sid, user = user_of(s), resource = wait.resource,
    details = { requestId = request_id, state = 'cancelled' } })
  return answer({})
end
for _, resource in ipairs(call('HKEYS', P .. 'held:' .. sid)) do
  local lock = lock_of(resource, call('HGET', P .. 'lock:' .. resource, sid))
  if lock.requestId == request_id then
    drop_lock(sid, resource, 'cancelled')
    record('lock.released', person, { sessionId = sid, user = user_of(s), resource = resource, fence = lock.fence })
    grant_next(resource)
  end
end
return answer({})
