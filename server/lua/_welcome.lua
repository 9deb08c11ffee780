-- The whole truth a client gets at each connection. Needs _lib, _session, _lock, _queue, _takeover and _order.

local function welcome_of(s)
  local orders, locks, waiting = {}, {}, {}
  for i, o in ipairs((orders_over(s))) do
    orders[i] = warning_of(o, s.id)
  end
  for _, resource in ipairs(call('HKEYS', P .. 'held:' .. s.id)) do
    locks[#locks + 1] = own_lock(resource, call('HGET', P .. 'lock:' .. resource, s.id))
  end
  for request_id, text in pairs(pairs_of(call('HGETALL', P .. 'waits:' .. s.id))) do
    local resource = wait_of(text).resource
    waiting[#waiting + 1] = {
      requestId = request_id, resource = resource, position = position_of(resource, s.id, request_id),
    }
  end
  return {
    now = NOW, rev = tonumber(call('GET', KEYS[1]) or '0'), epoch = epoch(), sessionId = s.id,
    attach = tonumber(s.attach), leaseMs = policy('leaseMs'), beatMs = policy('beatMs'), state = s.state,
    policy = pairs_of(call('HGETALL', P .. 'policy')), orders = orders, locks = locks, waiting = waiting,
    asked = asked_of(s.id),
    facts = { idle = s.idle == '1', dirty = s.dirty == '1', view = s.view, tokenAt = tonumber(s.tokenAt) },
  }
end
