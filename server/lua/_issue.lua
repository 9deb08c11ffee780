-- Giving orders and calling them off. Needs _lib, _session, _block, _order, _ladder, _target, _role
-- and _guard.

-- Stores an order before anything is told, and takes its first step; answers whether there are more to take.
-- q: { action, target, except?, includeSelf, message, reason, graceMs, holdMs, extend?, denyMs, ladderMs }
-- window_id: the maintenance window it belongs to, or ''.
local function create_order(oid, q, by, issuer, window_id)
  local deadline = NOW + q.graceMs
  call('HSET', order_key(oid), 'id', oid, 'version', '1', 'state', 'preparing', 'action', q.action,
    'target', cjson.encode(q.target), 'except', q.except and cjson.encode(q.except) or '',
    'includeSelf', q.includeSelf and '1' or '0', 'issuer', issuer, 'message', q.message, 'reason', q.reason,
    'graceMs', digits(q.graceMs), 'holdMs', digits(q.holdMs), 'extend', q.extend and cjson.encode(q.extend) or '',
    'denyMs', digits(q.denyMs or 0), 'ladder', cjson.encode(q.ladderMs), 'window', window_id,
    'by', cjson.encode(by), 'createdAt', digits(NOW), 'deadlineAt', digits(deadline),
    'cursor', '0', 'undecided', '0', 'targeted', '0', 'delivered', '0', 'seen', '0', 'saving', '0', 'saved', '0',
    'ended', '0', 'verified', '0', 'unverified', '0')
  call('ZADD', P .. 'orders', digits(US), oid)
  call('ZREMRANGEBYSCORE', P .. 'orders', '-inf', digits(US - policy('endedKeepMs') * 1000 * 2))
  if is_lasting(q.target) then
    call('ZADD', P .. 'open', digits(US), oid)
  end
  call('ZADD', P .. 'due', digits(NOW + 1000), 'o:' .. oid)
  local o = order_of(oid)
  local last = guard_order(o)
  record('order.created', by, { orderId = oid, reason = q.reason, details = {
    action = q.action, target = q.target, except = q.except, message = q.message, graceMs = q.graceMs,
    holdMs = q.holdMs, deadlineAt = deadline, version = 1, spared = last and user_of(last) or nil,
  } })
  return step_order(o)
end

-- Calls an order off and lets the first of its sessions go; answers whether there are more.
local function cancel_order(o, by)
  set_order_state(o, 'cancelled', by)
  call('HSET', order_key(o.id), 'cursor', '0')
  call('ZADD', P .. 'due', digits(NOW), 'o:' .. o.id)
  return step_release(o)
end
