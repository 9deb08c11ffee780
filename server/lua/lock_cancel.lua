#!lua flags=allow-oom
-- Leaves a queue. What was granted to the request meanwhile is given back, so that nobody holds what nobody waits for;
-- an upgrade becomes the shared lock it was, with the fence it has. One that is not known is kept as cancelled: it may
-- have been asked on a connection whose commands are carried out later.
-- Includes: _lib _session _tree _lock _queue _next _release
-- ARGV 1 sid · 2 requestId
-- Answers {}.
local sid, request_id = ARGV[1], ARGV[2]
local s = session_of(sid)
if not s then return answer({}) end
if s.state == 'ended' then return refuse('session_ended') end
local person = { kind = 'user', id = s.uid, name = s.name }
local wait = leave_queue(sid, request_id)
if wait then
  deny(sid, wait, 'cancelled', person)
  unblock(wait.resource, wait.scope)
  return answer({})
end
local is_known = call('HEXISTS', P .. 'done:' .. sid, request_id) == 1
for _, resource in ipairs(call('HKEYS', P .. 'held:' .. sid)) do
  local lock = held_lock(resource, sid)
  local ids = split(lock.requestId, ',')
  is_known = is_known or string.find(lock.requestId, request_id, 1, true) ~= nil
  if lock.requestId == request_id then
    drop_lock(sid, resource, 'cancelled')
    record('lock.released', person, { sessionId = sid, user = user_of(s), resource = resource, fence = lock.fence })
    unblock(resource, lock.scope)
  elseif #ids > 1 and ids[#ids] == request_id then
    downgrade(s, lock, ids)
  end
end
if not is_known then finish_request(sid, request_id, 'cancelled') end
return answer({})
