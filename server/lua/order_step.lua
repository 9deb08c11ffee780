#!lua
-- Goes on with an order's cursor: preparing, or letting go after a cancel.
-- Includes: _lib _session _block _order _ladder _target
-- ARGV 1 oid
-- Answers { more }. Idempotent: the cursor says what is left; the sweep does the same if nobody else does.
local o = order_of(ARGV[1])
local more = false
if o and o.state == 'preparing' then
  more = step_order(o)
elseif o and o.state == 'cancelled' and call('ZSCORE', P .. 'due', 'o:' .. o.id) then
  more = step_release(o)
end
return answer({ more = more })
