#!lua flags=allow-oom
-- Lifts the maintenance window: who was warned is told, and admission is open again.
-- Includes: _lib _session _block _order _ladder _target _role _guard _issue _maintenance
-- ARGV 1 JSON actor
-- Answers { orderId? }, the window's order, or `not_found` when there is no window (any more).
local m = advance_window()
if not m then return refuse('not_found', { reason = 'window' }) end
lift_window(m, cjson.decode(ARGV[1]), 'lifted')
return answer({ orderId = m.orderId ~= '' and m.orderId or nil })
