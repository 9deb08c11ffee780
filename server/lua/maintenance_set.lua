#!lua
-- Plans the maintenance window, or changes the one there is.
-- Includes: _lib _session _block _order _ladder _target _role _guard _issue _maintenance
-- ARGV 1 id of a new window · 2 JSON { action, message, startsAt or startsInMs, untilAt?, admissionStopsMs, ladderMs,
--      bypassRoles, holdMs }, marks from the longest · 3 JSON actor
-- Answers { window }, its fields, name after value; `conflict` with the state once it is closing, or `invalid` with the
-- issue. A closed one can be given another message, end and bypass roles. The same again changes nothing.
local q, by = cjson.decode(ARGV[2]), cjson.decode(ARGV[3])
-- A start that is over by no more than this is meant to be now.
local LATE_MS = 60000
local m = advance_window()
local closed = m and m.state == 'closed'

local function wrong(path, message)
  return refuse('invalid', { issues = { { path = path, message = message } } })
end

local moves = q.action == 'warn' or q.startsInMs or (q.startsAt and closed and q.startsAt ~= m.startsAt)
if m and (m.state == 'closing' or (closed and moves)) then
  return refuse('conflict', { reason = 'window', state = m.state })
end
if not closed and q.startsAt and q.startsAt < NOW - LATE_MS then
  return wrong('startsAt', 'is over; leave it out to begin now')
end
local starts_at = closed and m.startsAt or math.max(NOW, q.startsAt or NOW + (q.startsInMs or 0))
if q.untilAt and q.untilAt <= math.max(NOW, starts_at) then
  return wrong('untilAt', 'must be later than the start, and not be over')
end

-- What people were told, and who was; an order that says the same stays.
local function told(window)
  return cjson.encode({ window.action, window.message, digits(window.startsAt), digits(window.holdMs),
    table.concat(window.ladderMs, ','), table.concat(window.bypassRoles, '\n') })
end

q.startsAt, q.admissionStopsAt = starts_at, starts_at - q.admissionStopsMs
m = m or { id = ARGV[1], state = 'scheduled', createdAt = digits(NOW), orderId = '' }
if m.state == 'announcing' and told(m) ~= told(q) then
  local o = order_in(m)
  if o and ALIVE[o.state] then cancel_order(o, by) end
  m.state, m.orderId = 'scheduled', ''
elseif m.version and told(m) == told(q) and m.untilAt == q.untilAt and m.admissionStopsAt == q.admissionStopsAt then
  return answer({ window = call('HGETALL', window_key()) })
end
for _, name in ipairs({ 'message', 'startsAt', 'untilAt', 'admissionStopsAt', 'ladderMs', 'bypassRoles', 'holdMs' }) do
  m[name] = q[name]
end
m.action, m.by = q.action, by
call('HSET', window_key(), 'id', m.id, 'action', m.action, 'message', m.message, 'startsAt', digits(m.startsAt),
  'untilAt', m.untilAt and digits(m.untilAt) or '', 'admissionStopsAt', digits(m.admissionStopsAt),
  'ladderMs', cjson.encode(m.ladderMs), 'bypassRoles', cjson.encode(m.bypassRoles), 'holdMs', digits(m.holdMs),
  'by', ARGV[3], 'createdAt', m.createdAt)
set_window_state(m, m.state, by)
if m.state == 'scheduled' and NOW >= announced_at(m) then announce(m) end
schedule_window(m)
return answer({ window = call('HGETALL', window_key()) })
