#!lua flags=allow-oom
-- What a client says of an order: seen, saving (takes a hold), saved (gives it back; a logoff follows at once).
-- Includes: _lib _session _tree _lock _queue _next _release _block _order _ladder _target _role _guard _end
-- ARGV 1 sid · 2 oid · 3 state · 4 why · 5 JSON list of live nodes
-- Answers { deadlineMs, holdMs, endsAt }, `not_found`, `conflict` or `session_ended`. Repeated: the same answer.
local sid, oid, said = ARGV[1], ARGV[2], ARGV[3]
local s, o = session_of(sid), order_of(oid)
local receipt = s and o and receipt_of(oid, sid)
if not receipt then return refuse('not_found') end
if s.state == 'ended' then return refuse('session_ended') end
if not ALIVE[o.state] then return refuse('conflict', { state = o.state }) end

if said == 'saved' and o.action == 'logoff' and stays_by_guard(s, o) then
  return refuse('conflict', { state = 'cancelled' })
end

local why = ARGV[4] ~= '' and ARGV[4] or nil
local person = { kind = 'user', id = s.uid, name = s.name }
local _, deadline = ends_at(o, sid)
local marks = call('HMGET', session_key(sid), 'hold:' .. oid, 'why:' .. oid)
local hold = tonumber(marks[1] or '-1')
local news = false
if not receipt.deliveredAt then
  receipt.deliveredAt = NOW
  count(oid, 'delivered')
end
if not receipt.seenAt then
  receipt.seenAt = NOW
  count(oid, 'seen')
  if receipt.state ~= 'saving' then receipt.state = 'seen' end
  news = true
end
if said == 'saving' and hold < 0 and not receipt.savedAt then
  hold = o.action == 'logoff' and math.min(NOW, deadline) + o.holdMs or 0
  receipt.state = 'saving'
  count(oid, 'saving')
  call('HSET', session_key(sid), 'hold:' .. oid, digits(hold))
  news = true
elseif said == 'saved' and not receipt.savedAt then
  if receipt.state == 'saving' then count(oid, 'saving', -1) end
  receipt.state = 'saved'
  receipt.savedAt = NOW
  count(oid, 'saved')
  call('HSET', session_key(sid), 'hold:' .. oid, '0')
  hold = 0
  news = true
end
-- A save that failed is told by a second `saving` with its reason.
if why and why ~= marks[2] then
  call('HSET', session_key(sid), 'why:' .. oid, why)
  news = true
end
if news then
  save_receipt(oid, sid, receipt)
  record('order.acked', person, { sessionId = sid, user = user_of(s), orderId = oid,
    details = { state = said, why = why } })
end
if receipt.state == 'saving' and o.action == 'logoff' and s.saving ~= '1' then
  save_session(s, { saving = '1' }, person)
end

if receipt.savedAt and o.action == 'logoff' then
  end_session(s, o.reason, o.by, o.message, oid, set_of(cjson.decode(ARGV[5])) or {})
  return answer({ deadlineMs = 0, holdMs = 0, endsAt = NOW })
end
rule_session(s)
-- The hold put the end off: what is due now is something else.
if news and hold > NOW then schedule_session(s, NOW + math.max(1, call('PTTL', lease_key(sid)))) end
local at = ends_at(o, sid)
return answer({ deadlineMs = math.max(0, at - NOW), holdMs = math.max(0, hold - NOW), endsAt = at })
