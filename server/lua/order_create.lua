#!lua
-- Gives an order. Includes: _lib _session _block _order _ladder _target _role _guard _issue
-- ARGV 1 oid · 2 JSON request with defaults filled in { action, target, except?, includeSelf, message, reason,
--      graceMs, holdMs, extend?, denyMs, ladderMs } · 3 JSON actor · 4 issuer's uid
-- Answers { more }; more: step on with order_step. `rate_limited` beyond 100 open ones.
local MAX_OPEN = 100
local q = cjson.decode(ARGV[2])
if call('EXISTS', order_key(ARGV[1])) == 1 then
  return refuse('conflict')
end
if is_lasting(q.target) and call('ZCARD', P .. 'open') >= MAX_OPEN then
  return refuse('rate_limited', { retryAfterMs = 60000 })
end
-- Who is cut off for security has no time to do more harm.
if cuts(q) then
  q.graceMs, q.holdMs, q.extend = 0, 0, nil
end
return answer({ more = create_order(ARGV[1], q, cjson.decode(ARGV[3]), ARGV[4], '') })
