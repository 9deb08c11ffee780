#!lua
-- Stores an order before anything is told, and takes its first step.
-- Includes: _lib _session _block _order _target _role _guard
-- ARGV 1 oid · 2 JSON request with defaults filled in { action, target, except?, includeSelf, message, reason,
--      graceMs, holdMs, extend?, denyMs } · 3 JSON actor · 4 issuer's uid
-- Answers { state, createdAt, deadlineAt, more }; more: step on with order_step. `rate_limited` beyond 100 open ones.
local MAX_OPEN = 100
local oid, by = ARGV[1], cjson.decode(ARGV[3])
local q = cjson.decode(ARGV[2])
if call('EXISTS', order_key(oid)) == 1 then
  return refuse('conflict')
end
local lasting = q.target.all or q.target.users or q.target.roles or q.target.apps
if lasting and call('ZCARD', P .. 'open') >= MAX_OPEN then
  return refuse('rate_limited', { retryAfterMs = 60000 })
end
-- Who is cut off for security has no time to do more harm.
if cuts(q) then
  q.graceMs, q.holdMs, q.extend = 0, 0, nil
end
local deadline = NOW + q.graceMs
call('HSET', order_key(oid), 'id', oid, 'version', '1', 'state', 'preparing', 'action', q.action,
  'target', cjson.encode(q.target), 'except', q.except and cjson.encode(q.except) or '',
  'includeSelf', q.includeSelf and '1' or '0', 'issuer', ARGV[4], 'message', q.message, 'reason', q.reason,
  'graceMs', digits(q.graceMs), 'holdMs', digits(q.holdMs), 'extend', q.extend and cjson.encode(q.extend) or '',
  'denyMs', digits(q.denyMs or 0), 'by', ARGV[3], 'createdAt', digits(NOW), 'deadlineAt', digits(deadline),
  'cursor', '0', 'undecided', '0', 'targeted', '0', 'delivered', '0', 'seen', '0', 'saving', '0', 'saved', '0',
  'ended', '0', 'verified', '0', 'unverified', '0')
local keep = policy('endedKeepMs')
call('ZADD', P .. 'orders', digits(US), oid)
call('ZREMRANGEBYSCORE', P .. 'orders', '-inf', digits(US - keep * 1000 * 2))
if lasting then
  call('ZADD', P .. 'open', digits(US), oid)
end
call('ZADD', P .. 'due', digits(NOW + 1000), 'o:' .. oid)
local o = order_of(oid)
local last = guard_order(o)
record('order.created', by, { orderId = oid, reason = q.reason, details = {
  action = q.action, target = q.target, except = q.except, message = q.message, graceMs = q.graceMs,
  holdMs = q.holdMs, deadlineAt = deadline, version = 1, spared = last and user_of(last) or nil,
} })
local more = step_order(o)
return answer({ more = more })
