#!lua
-- Grants a lock, or a place in its queue. Includes: _lib _session _lock
-- ARGV 1 sid · 2 resource · 3 mode · 4 scope · 5 waitMs · 6 requestId · 7 note
-- Answers { state = 'granted', lock }, { state = 'queued', position, blockers }, `locked` with blockers, `queue_full`,
-- `lock_limit`, `session_ended`, `unavailable` while the session has no lease (its next heartbeat brings one), or
-- `conflict` with the outcome of a request that is over, or when it waits for another resource.
local sid, resource, mode, scope = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local wait_ms, request_id, note = tonumber(ARGV[5]), ARGV[6], ARGV[7]
local s = session_of(sid)
if s and s.state == 'ended' then
  return refuse('session_ended')
end
if call('EXISTS', lease_key(sid)) == 0 then
  return refuse('unavailable', { retryAfterMs = policy('beatMs') })
end
local outcome = call('HGET', P .. 'done:' .. sid, request_id)
if outcome then
  return refuse('conflict', { outcome = outcome })
end
local mine = call('HGET', P .. 'lock:' .. resource, sid)
if mine then
  local lock = lock_of(resource, mine)
  lock.requestId = nil
  return answer({ state = 'granted', lock = lock })
end
local function queued()
  return answer({
    state = 'queued', requestId = request_id, position = position_of(resource, sid, request_id),
    blockers = holders_of(resource),
  })
end
local place = call('HGET', P .. 'waits:' .. sid, request_id)
if place then
  if wait_of(place).resource ~= resource then return refuse('conflict') end
  return queued()
end
if call('HLEN', P .. 'held:' .. sid) + call('HLEN', P .. 'waits:' .. sid) >= policy('maxLocksPerSession') then
  return refuse('lock_limit')
end
if call('EXISTS', P .. 'lock:' .. resource) == 0 then
  return answer({ state = 'granted', lock = grant(s, resource, mode, scope, request_id, note) })
end
if wait_ms == 0 then
  return refuse('locked', { blockers = holders_of(resource) })
end
if call('ZCARD', P .. 'waiters:' .. resource) >= policy('maxWaitersPerResource') then
  return refuse('queue_full')
end
call('ZADD', P .. 'waiters:' .. resource, call('INCR', P .. 'ticket'), sid .. ':' .. request_id)
call('HSET', P .. 'waits:' .. sid, request_id,
  mode .. '|' .. scope .. '|' .. digits(NOW) .. '|' .. resource .. '|' .. note)
call('ZADD', P .. 'due', digits(NOW + wait_ms), 'q:' .. sid .. ':' .. request_id)
record('lock.requested', { kind = 'user', id = s.uid, name = s.name }, {
  sessionId = sid, user = user_of(s), resource = resource,
  details = { requestId = request_id, state = 'queued', waitMs = wait_ms },
})
return queued()
