-- Orders: whom they hit, how far each session is, when they are done. Needs _lib and _session.
-- order:<oid>          hash  the request's fields, state, version, counters; `undecided` counts open receipts
-- order:<oid>:targets  hash  sid -> receipt (JSON)
-- order:<oid>:index    zset  sid by the session's place in `sessions`: pages of receipts, and the cursor of a cancel
-- orders               zset  every kept order by creation; `open` those that sessions opened later may match
-- session:<sid>        `orders` (ids, comma separated), `hold:<oid>` (instant), `extend:<oid>` (count|total),
--                      `why:<oid>` (why the work is not saved, the client's last word)

local ORDER_FIELDS = {
  'id', 'version', 'state', 'action', 'reason', 'message', 'by', 'deadlineAt', 'holdMs', 'extend', 'denyMs',
  'spared', 'ladder', 'window',
}
local ALIVE = { preparing = true, pending = true, closing = true }

local function order_key(oid)
  return P .. 'order:' .. oid
end

local known_orders = {}
-- An order. Each is read once in a script, for hundreds of sessions are under the same one.
local function order_of(oid)
  if known_orders[oid] then
    return known_orders[oid]
  end
  local o = fields_of(order_key(oid), ORDER_FIELDS)
  if not o.id then
    return nil
  end
  o.by = cjson.decode(o.by)
  o.deadlineAt = tonumber(o.deadlineAt)
  o.holdMs = tonumber(o.holdMs)
  o.version = tonumber(o.version)
  known_orders[oid] = o
  return o
end

-- Whether it is the order of a maintenance window.
local function in_window(o)
  return (o.window or '') ~= ''
end

local function count(oid, name, by)
  return call('HINCRBY', order_key(oid), name, by or 1)
end

local function receipt_of(oid, sid)
  local text = call('HGET', order_key(oid) .. ':targets', sid)
  return text and cjson.decode(text)
end

local function save_receipt(oid, sid, receipt)
  call('HSET', order_key(oid) .. ':targets', sid, cjson.encode(receipt))
end

-- Moves an order to a state; each change raises its version, so that late news is known as such.
local function set_order_state(o, state, by, details)
  o.state = state
  o.version = call('HINCRBY', order_key(o.id), 'version', 1)
  call('HSET', order_key(o.id), 'state', state)
  local kind = state == 'done' and 'order.done' or state == 'cancelled' and 'order.cancelled' or 'order.changed'
  local told = details or {}
  told.state = state
  told.version = o.version
  record(kind, by, { orderId = o.id, reason = o.reason, details = told })
  if not ALIVE[state] then
    call('ZREM', P .. 'open', o.id)
    call('ZREM', P .. 'due', 'o:' .. o.id)
    if in_window(o) then due_by('m', NOW) end
    local keep = policy('endedKeepMs')
    call('PEXPIRE', order_key(o.id), keep)
    call('PEXPIRE', order_key(o.id) .. ':targets', keep)
    call('PEXPIRE', order_key(o.id) .. ':index', keep)
  end
end

-- A logoff order is done when every receipt is decided and nobody can come under it any more; a warning when its
-- time is over.
local function finish_order(o)
  local closed = o.state == 'closing' or (o.state == 'pending' and not call('ZSCORE', P .. 'open', o.id))
  if o.action == 'logoff' and closed and call('HGET', order_key(o.id), 'undecided') == '0' then
    set_order_state(o, 'done', SYSTEM)
  end
end

-- When the order ends this session: the deadline and what it was extended by, or the end of its hold.
local function ends_at(o, sid)
  local marks = call('HMGET', session_key(sid), 'hold:' .. o.id, 'extend:' .. o.id)
  local _, total = string.match(marks[2] or '', '^(%d+)|(%d+)$')
  local deadline = o.deadlineAt + tonumber(total or 0)
  return math.max(deadline, tonumber(marks[1] or 0)), deadline
end

-- The live orders over a session, and the logoff among them that ends it first.
local function orders_over(s)
  local alive, first, first_at = {}, nil, nil
  for _, oid in ipairs(split(s.orders, ',')) do
    local o = order_of(oid)
    if o and ALIVE[o.state] then
      alive[#alive + 1] = o
      if o.action == 'logoff' then
        local at = ends_at(o, s.id)
        if not first_at or at < first_at then
          first, first_at = o, at
        end
      end
    end
  end
  return alive, first, first_at
end

-- Whether a save that the client told of under one of these orders is under way.
local function is_saving(s, orders)
  for _, o in ipairs(orders) do
    local receipt = o.action == 'logoff' and receipt_of(o.id, s.id)
    if receipt and receipt.state == 'saving' then
      return true
    end
  end
  return false
end

-- Works out anew which order rules a session; the change of state is recorded unless the caller's record tells it.
local function rule_session(s, silent)
  local alive, first, first_at = orders_over(s)
  local ids = {}
  for i, o in ipairs(alive) do
    ids[i] = o.id
  end
  local changes = {
    orders = table.concat(ids, ','),
    deadlineOrder = first and first.id or '',
    deadlineAt = first and digits(first_at) or '0',
  }
  if s.saving == '1' and not is_saving(s, alive) then
    changes.saving = '0'
  end
  if silent then
    for name, value in pairs(changes) do
      s[name] = value
    end
    s.state = state_of(s)
    call('HSET', session_key(s.id), 'orders', s.orders, 'deadlineOrder', s.deadlineOrder,
      'deadlineAt', s.deadlineAt, 'saving', s.saving or '0', 'state', s.state)
  else
    save_session(s, changes, SYSTEM)
  end
  if first then
    due_by('s:' .. s.id, first_at)
  end
end

-- Characters of a list of orders after which those that are over are looked for and left out.
local MANY_ORDERS = 1000

-- Puts a session under an order, with an open receipt.
local function target_session(o, s, place)
  save_receipt(o.id, s.id, { user = user_of(s), state = 'targeted' })
  call('ZADD', order_key(o.id) .. ':index', place, s.id)
  count(o.id, 'targeted')
  count(o.id, 'undecided')
  local known = s.orders or ''
  s.orders = known ~= '' and (known .. ',' .. o.id) or o.id
  if #s.orders > MANY_ORDERS then
    rule_session(s, true)
    return
  end
  -- One more order: compared with the ruling one alone, so that the cost does not grow with the orders there are.
  local ruled_at = tonumber(s.deadlineAt or '0')
  if o.action == 'logoff' and (ruled_at == 0 or o.deadlineAt < ruled_at) then
    s.deadlineOrder, s.deadlineAt = o.id, digits(o.deadlineAt)
    due_by('s:' .. s.id, o.deadlineAt)
  end
  s.state = state_of(s)
  call('HSET', session_key(s.id), 'orders', s.orders, 'deadlineOrder', s.deadlineOrder or '',
    'deadlineAt', s.deadlineAt or '0', 'state', s.state)
end

local function set_of(list)
  local set, any = {}, false
  for _, name in ipairs(list or {}) do
    set[name] = true
    any = true
  end
  return any and set or nil
end

-- What a client is told of an order; instants, which the node turns into what is left.
local function warning_of(o, sid)
  local at, deadline = o.deadlineAt, o.deadlineAt
  if sid then
    at, deadline = ends_at(o, sid)
  end
  return {
    orderId = o.id, version = o.version, action = o.action, reason = o.reason, message = o.message, by = o.by,
    deadlineAt = math.max(at, deadline), extendable = (o.extend or '') ~= '',
    holdable = o.action == 'logoff' and o.holdMs > 0,
  }
end
