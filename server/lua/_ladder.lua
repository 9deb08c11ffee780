-- Reminders: at each mark of its ladder before its deadline an order is told again. Needs _lib, _session and _order.
-- order:<oid>  `ladder`: JSON list of milliseconds before the deadline, the longest first; endings by policy have none

local function ladder_of(o)
  return (o.ladder or '') ~= '' and cjson.decode(o.ladder) or {}
end

-- Puts a pending order to its next mark, or to its deadline. Marks that have passed are left out.
local function schedule_order(o)
  local at = o.deadlineAt
  for _, mark_ms in ipairs(ladder_of(o)) do
    if o.deadlineAt - mark_ms > NOW then
      at = o.deadlineAt - mark_ms
      break
    end
  end
  call('ZADD', P .. 'due', digits(math.max(at, NOW)), 'o:' .. o.id)
end

-- The latest mark that has passed: one record for everybody under the order, whom their nodes tell.
local function remind(o)
  local reached
  for _, mark_ms in ipairs(ladder_of(o)) do
    if o.deadlineAt - mark_ms <= NOW then reached = mark_ms end
  end
  if reached then
    o.version = count(o.id, 'version')
    local details = warning_of(o)
    details.reminded = reached
    record('order.changed', SYSTEM, { orderId = o.id, reason = o.reason, details = details })
  end
  schedule_order(o)
end
