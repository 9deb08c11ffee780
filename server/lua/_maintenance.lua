-- The maintenance window: an order plus closed admission, until it is lifted. Needs _lib, _session, _block, _order,
-- _ladder, _target, _role, _guard and _issue.
-- maintenance  hash  the request's fields, id, version, state, by, createdAt, admissionStopsAt, orderId; `counts` of
--                    the order when it was done
-- due          `m` at the window's next instant: announcement, start, or the end by itself
-- Admission goes by the instants alone (_admit.lua), so that it closes in time whoever sweeps.

local WINDOW_FIELDS = {
  'id', 'version', 'state', 'action', 'message', 'startsAt', 'untilAt', 'admissionStopsAt', 'ladderMs', 'bypassRoles',
  'holdMs', 'by', 'createdAt', 'orderId',
}
local COUNTS = { 'targeted', 'delivered', 'seen', 'saving', 'saved', 'ended', 'verified', 'unverified' }
local STEPS = 4

local function window_key()
  return P .. 'maintenance'
end

local function window_now()
  local m = fields_of(window_key(), WINDOW_FIELDS)
  if not m.id then
    return nil
  end
  m.by, m.ladderMs, m.bypassRoles = cjson.decode(m.by), cjson.decode(m.ladderMs), cjson.decode(m.bypassRoles)
  for _, name in ipairs({ 'version', 'startsAt', 'untilAt', 'admissionStopsAt', 'holdMs' }) do
    m[name] = tonumber(m[name] or '')
  end
  return m
end

local function order_in(m)
  return (m.orderId or '') ~= '' and order_of(m.orderId) or nil
end

local function counts_in(m)
  local counts = order_in(m) and fields_of(order_key(m.orderId), COUNTS)
  for name, value in pairs(counts or {}) do
    counts[name] = tonumber(value)
  end
  return counts or nil
end

-- What happened to the window. state: the one it has now, or `lifted`.
local function record_window(m, state, by, more)
  local details = more or {}
  details.id, details.version, details.state, details.action = m.id, m.version, state, m.action
  details.message, details.startsAt, details.untilAt = m.message, m.startsAt, m.untilAt
  details.bypassRoles = #m.bypassRoles > 0 and m.bypassRoles or nil
  record('maintenance.changed', by, { orderId = m.orderId ~= '' and m.orderId or nil, reason = 'maintenance',
    details = details })
end

local function set_window_state(m, state, by, more)
  m.state = state
  m.version = call('HINCRBY', window_key(), 'version', 1)
  call('HSET', window_key(), 'state', state, 'orderId', m.orderId or '')
  record_window(m, state, by, more)
end

-- The first mark before the start, or the end of admission if that is earlier: nobody is kept out unannounced.
local function announced_at(m)
  return math.min(m.admissionStopsAt, m.startsAt - (m.ladderMs[1] or 0))
end

local function schedule_window(m)
  local next_at = { scheduled = announced_at(m), announcing = m.startsAt }
  local at = next_at[m.state] or m.untilAt
  if at then
    call('ZADD', P .. 'due', digits(math.max(at, NOW)), 'm')
  else
    call('ZREM', P .. 'due', 'm')
  end
end

-- Everybody but the bypass roles comes under one order, whoever comes later too.
local function announce(m)
  m.orderId = uuid_of(m.id .. digits(m.version))
  create_order(m.orderId, {
    action = m.action, target = { all = true }, except = #m.bypassRoles > 0 and { roles = m.bypassRoles } or nil,
    includeSelf = true, message = m.message, reason = 'maintenance', graceMs = math.max(0, m.startsAt - NOW),
    holdMs = m.holdMs, ladderMs = m.ladderMs,
  }, m.by, '', m.id)
  set_window_state(m, 'announcing', m.by)
end

-- Takes the window away. An order that has not begun to log off is called off with it; one that has goes on with
-- those that still save, and hits nobody any more who comes now.
local function lift_window(m, by, why)
  local o = order_in(m)
  local details = { why = why, counts = counts_in(m) }
  call('DEL', window_key())
  call('ZREM', P .. 'due', 'm')
  if o and ALIVE[o.state] then
    call('ZREM', P .. 'open', o.id)
    if m.state == 'announcing' and why == 'rehearsed' then
      set_order_state(o, 'done', SYSTEM)
    elseif m.state == 'announcing' then
      cancel_order(o, by)
    end
  end
  m.version = m.version + 1
  record_window(m, 'lifted', by, details)
end

-- One step of the window by the clock, if there is one to take; answers whether there was.
local function step_window(m)
  if m.untilAt and NOW >= m.untilAt then
    lift_window(m, SYSTEM, 'over')
    return false
  elseif m.state == 'scheduled' and NOW >= announced_at(m) then
    announce(m)
  elseif m.state == 'announcing' and NOW >= m.startsAt and m.action == 'warn' then
    lift_window(m, SYSTEM, 'rehearsed')
    return false
  elseif m.state == 'announcing' and NOW >= m.startsAt then
    set_window_state(m, 'closing', SYSTEM)
  elseif m.state == 'closing' and not (order_in(m) and ALIVE[order_in(m).state]) then
    local counts = counts_in(m)
    call('HSET', window_key(), 'counts', counts and cjson.encode(counts) or '')
    set_window_state(m, 'closed', SYSTEM, { counts = counts })
  else
    return false
  end
  return true
end

-- Brings the window to where it has to be now, however long nobody looked; answers it, unless it is lifted.
local function advance_window()
  local m = window_now()
  if not m then
    call('ZREM', P .. 'due', 'm')
    return nil
  end
  for _ = 1, STEPS do
    if not step_window(m) then break end
  end
  if call('EXISTS', window_key()) == 0 then
    return nil
  end
  schedule_window(m)
  return m
end
