-- What is due. Needs _lib, _session, _queue, _takeover, _block, _order, _ladder, _target, _guard, _end, _ending.

-- Work is counted in looks at a session, some 25 µs each, so that a script holds Redis for 2 or 3 ms.
local MAX_WORK = 100

-- What gaps gave, as it stands after the sweep noticed one.
local known_gap
local function gap_now()
  known_gap = known_gap or fields_of(P .. 'gap', { 'from', 'to', 'total', 'behind' })
  return known_gap
end

-- The lease is there: what else is due? Idle mark, token.
local function attend(s, lease)
  local gap = gap_now()
  local changes, details = {}, nil
  if gap.to and lease.beatAt >= tonumber(gap.to) and s.credited ~= gap.total then
    changes.credited = gap.total
  end
  if tonumber(s.lastInputAt) < lease.lastInputAt then
    changes.lastInputAt = digits(lease.lastInputAt)
  end
  if s.idle ~= '1' and NOW - lease.lastInputAt >= policy('idleAfterMs') then
    changes.idle = '1'
    details = { idle = true }
  end
  local token_at = tonumber(s.tokenAt)
  if s.tokenTold ~= '1' and NOW >= token_at - EXPIRING_MS then
    changes.tokenTold = '1'
    details = details or {}
    details.tokenExpiresAt = token_at
  end
  save_session(s, changes, SYSTEM, details)
  local work = policy_endings(s, lease)
  schedule_session(s, NOW + call('PTTL', lease_key(s.id)))
  return work
end

-- Ends a session whose time under an order is over, unless the order's reason is gone. Nil: it stays.
local function end_by_order(s, live)
  local alive, first, at = orders_over(s)
  if not first or at > NOW then
    rule_session(s)
    return nil
  end
  local is_policy = first.by.kind == 'policy'
  if is_policy and not policy_holds(s, first) then
    withdraw_policy_order(s, first, SYSTEM)
    return nil
  end
  if first.state == 'pending' then
    set_order_state(first, 'closing', SYSTEM)
  end
  local stays, looked = stays_by_guard(s, first)
  if stays then return nil end
  local message = is_policy and SAID[first.reason] or first.message
  return looked + end_session(s, first.reason, first.by, message, first.id, live, alive)
end

local function visit_session(sid, due_at, live)
  local s = session_of(sid)
  if not s or s.state == 'ended' then
    call('ZREM', P .. 'due', 's:' .. sid)
    return 0
  end
  local deadline = tonumber(s.deadlineAt or '0')
  local work = deadline > 0 and deadline <= NOW and end_by_order(s, live)
  if work then
    return work
  end
  -- The order that warned of it may have been cancelled, or there was no time for one.
  if tonumber(s.tokenAt) <= NOW and not policy_order_over(s, 'token_expired') then
    return end_session(s, 'token_expired', POLICY, SAID.token_expired, nil, live)
  end
  local lease = lease_of(sid)
  if lease then
    return attend(s, lease)
  end
  local until_at = stays_until(s, due_at, gap_now())
  if until_at > NOW then
    -- Policy has nothing to say to who cannot hear it; what was said before stands.
    for _, at in ipairs({ tonumber(s.deadlineAt or '0'), tonumber(s.tokenAt) }) do
      if at > NOW then until_at = math.min(until_at, at) end
    end
    call('ZADD', P .. 'due', digits(until_at), 's:' .. sid)
    pass_over(sid)
    return 0
  end
  return end_session(s, 'unresponsive', SYSTEM, 'The application stopped answering.', nil, live)
end

local function visit_order(oid)
  local o = order_of(oid)
  if not o then
    call('ZREM', P .. 'due', 'o:' .. oid)
  elseif o.state == 'preparing' then
    step_order(o)
    return MAX_WORK
  elseif o.state == 'cancelled' then
    step_release(o)
    return MAX_WORK
  elseif o.state == 'pending' and NOW < o.deadlineAt then
    remind(o)
  else
    call('ZREM', P .. 'due', 'o:' .. oid)
    if o.action == 'warn' then
      set_order_state(o, 'done', SYSTEM)
    elseif o.state == 'pending' then
      set_order_state(o, 'closing', SYSTEM)
      finish_order(o)
    end
  end
  return 0
end

-- A wait is over.
local function visit_wait(sid, request_id)
  local want = leave_queue(sid, request_id)
  if not want then
    call('ZREM', P .. 'due', 'q:' .. sid .. ':' .. request_id)
    return 1
  end
  deny(sid, want, 'denied', SYSTEM)
  unblock(want.resource, want.scope)
  return 1 + grant_work()
end

-- Granting that one script was not to do goes on.
local function visit_grants(rest)
  local scope, from, resource = string.match(rest, '^(%a+):([^:]*):(.+)$')
  call('ZREM', P .. 'due', 'g:' .. rest)
  unblock(resource, scope, from ~= '' and from or nil)
  return 1 + grant_work()
end

-- The holders' time to answer and to save is over.
local function visit_takeover(resource)
  local t = takeover_of(resource)
  call('ZREM', P .. 'due', 't:' .. resource)
  if t then
    settle_takeover(resource, t)
  end
  return 2 + grant_work()
end

-- A lock whose session ended may be had again.
local function visit_delay(rest)
  local sid, resource = string.match(rest, '^([^:]+):(.+)$')
  call('ZREM', P .. 'due', 'l:' .. rest)
  local lock = drop_lock(sid, resource)
  if lock then
    record('lock.released', SYSTEM, { resource = resource, fence = lock.fence, reason = 'delay_over' })
    unblock(resource, lock.scope)
  end
  return 1 + grant_work()
end

local function visit_block(id)
  local block = block_of(id)
  if block then
    drop_block(block, 'over', SYSTEM)
  else
    call('ZREM', P .. 'due', 'b:' .. id)
  end
  return 1
end
