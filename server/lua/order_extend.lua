#!lua flags=allow-oom
-- Gives one session more time under an order, within the order's limits. Includes: _lib _session _order
-- ARGV 1 sid · 2 oid · 3 ms
-- Answers { deadlineMs }, `not_found`, `conflict` or `extension_refused`.
local sid, oid, ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local s, o = session_of(sid), order_of(oid)
if not s or not o or not receipt_of(oid, sid) then return refuse('not_found') end
if s.state == 'ended' then return refuse('session_ended') end
if not ALIVE[o.state] then return refuse('conflict', { state = o.state }) end
local limits = (o.extend or '') ~= '' and cjson.decode(o.extend)
local key = session_key(sid)
local times, total = string.match(call('HGET', key, 'extend:' .. oid) or '0|0', '^(%d+)|(%d+)$')
local _, deadline = ends_at(o, sid)
if not limits or tonumber(times) >= limits.maxCount or total + ms > limits.maxTotalMs or deadline <= NOW then
  return refuse('extension_refused')
end
call('HSET', key, 'extend:' .. oid, (times + 1) .. '|' .. digits(total + ms))
o.version = count(oid, 'version')
record('order.extended', { kind = 'user', id = s.uid, name = s.name }, {
  sessionId = sid, user = user_of(s), orderId = oid,
  details = { ms = ms, deadlineAt = deadline + ms, warning = warning_of(o, sid) },
})
rule_session(s)
schedule_session(s, NOW + math.max(1, call('PTTL', lease_key(sid))))
return answer({ deadlineMs = deadline + ms - NOW })
