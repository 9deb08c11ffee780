#!lua flags=allow-oom
-- Cancels an order that is not closing yet. Includes: _lib _session _block _order _ladder _target _role _guard _issue
-- ARGV 1 oid · 2 JSON actor
-- Answers { more } (step on with order_step), `not_found`, or `conflict` with the order's state. The order of a
-- maintenance window is called off with the window.
local o = order_of(ARGV[1])
if not o then return refuse('not_found') end
if o.state == 'cancelled' then return answer({ more = false }) end
if o.state == 'closing' or o.state == 'done' or (o.action == 'logoff' and o.deadlineAt <= NOW) then
  -- Its time is over: it closes, although no sweep has said so yet.
  return refuse('conflict', { state = o.state == 'done' and 'done' or 'closing' })
end
if in_window(o) then return refuse('conflict', { reason = 'window' }) end
return answer({ more = cancel_order(o, cjson.decode(ARGV[2])) })
