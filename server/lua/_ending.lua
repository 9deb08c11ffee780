-- Endings by policy (idle, age, token, seat), each an order for one session. Needs _lib, _session and _order.
-- One kind of warning, one kind of ending, one kind of receipt.
-- policyOrders     zset    every kept one by creation
-- session:<sid>    `byPolicy`: `reason=order,` for each that was given; what stands there is not warned of again
-- order:<oid>      `inputAt`: the last input that an idle warning knows of
-- idling:<uid>     set     a person's sessions that were told of their idle logoff
-- input:<uid>      string  the last input in those of a person's sessions that have ended, for idleScope `user`

local POLICY = { kind = 'policy' }
-- An input this much newer than the last one known is another one; less is the network's doing.
local SLACK_MS = 1000
-- Most sessions of one person that are looked at, the newest first.
local LOOK_SESSIONS = 200
-- What people read before and after.
local SAY = {
  idle = 'You have not used the application for a while. Without a sign from you it signs you out.',
  max_age = 'You have been signed in for as long as is allowed. Save your work and sign in again.',
  token_expired = 'Your sign-in expires and could not be renewed. Save your work and sign in again.',
  replaced = 'Only so many sessions are allowed, and another one was opened. Save your work.',
}
local SAID = {
  idle = 'The application was not used for a while.',
  max_age = 'You were signed in for as long as is allowed.',
  token_expired = 'Your sign-in has expired.',
  replaced = 'Another session was opened, and only so many are allowed.',
}

-- The live order that policy gave the session for this reason.
local function policy_order_over(s, reason)
  local oid = string.match(s.byPolicy or '', reason .. '=([%x-]+)')
  local o = oid and order_of(oid)
  return o and ALIVE[o.state] and o or nil
end

local function set_policy_order(s, reason, oid)
  local others = string.gsub(s.byPolicy or '', reason .. '=[%x-]+,', '')
  s.byPolicy = oid and others .. reason .. '=' .. oid .. ',' or others
  call('HSET', session_key(s.id), 'byPolicy', s.byPolicy)
  if reason == 'idle' then
    if oid then
      call('SADD', P .. 'idling:' .. s.uid, s.id)
    else
      call('SREM', P .. 'idling:' .. s.uid, s.id)
    end
  end
end

-- Warns a session that policy ends it at an instant.
local function give_policy_order(s, reason, deadline, input_at)
  local oid = uuid_of(s.id .. reason .. digits(US))
  call('HSET', order_key(oid), 'id', oid, 'version', '1', 'state', 'pending', 'action', 'logoff',
    'target', cjson.encode({ sessions = { s.id } }), 'except', '', 'includeSelf', '1', 'issuer', '',
    'message', SAY[reason], 'reason', reason, 'graceMs', digits(math.max(0, deadline - NOW)),
    'holdMs', digits(policy('holdMs')), 'extend', '', 'denyMs', '0', 'by', cjson.encode(POLICY),
    'createdAt', digits(NOW), 'deadlineAt', digits(deadline), 'inputAt', digits(input_at or 0),
    'cursor', '0', 'undecided', '0', 'targeted', '0', 'delivered', '0', 'seen', '0',
    'saving', '0', 'saved', '0', 'ended', '0', 'verified', '0', 'unverified', '0')
  call('ZADD', P .. 'policyOrders', digits(US), oid)
  call('ZREMRANGEBYSCORE', P .. 'policyOrders', '-inf', digits(US - policy('endedKeepMs') * 1000 * 2))
  set_policy_order(s, reason, oid)
  record('order.created', POLICY, { orderId = oid, sessionId = s.id, user = user_of(s), reason = reason,
    details = { action = 'logoff', message = SAY[reason], deadlineAt = deadline, version = 1 } })
  local o = order_of(oid)
  target_session(o, s, call('ZSCORE', P .. 'sessions', s.id) or digits(US))
  local details = warning_of(o)
  details.targeted = { s.id }
  record('order.changed', POLICY, { orderId = oid, reason = reason, details = details })
end

-- The reason for an order is gone: the person came back, or signed in anew, or the policy is another one.
local function withdraw_policy_order(s, o, by)
  set_policy_order(s, o.reason, nil)
  set_order_state(o, 'cancelled', by)
  rule_session(s, true)
  record('order.changed', by, { orderId = o.id, reason = o.reason, details = { released = { s.id } } })
end

-- The person's last input: in this session, or in any of theirs.
local function last_input(s, own)
  if policy('idleScope') ~= 'user' then
    return own
  end
  local latest = math.max(own, tonumber(call('GET', P .. 'input:' .. s.uid) or '0'))
  for _, sid in ipairs(call('ZRANGE', P .. 'user:' .. s.uid, 0, LOOK_SESSIONS - 1, 'REV')) do
    if sid ~= s.id then
      local lease = lease_of(sid)
      local at = lease and lease.lastInputAt or tonumber(call('HGET', session_key(sid), 'lastInputAt') or '0')
      latest = math.max(latest, at)
    end
  end
  return latest
end

-- Whether an input is news to an idle warning: it came after it, or before it without being known.
local function is_news(o, at)
  local knows = call('HMGET', order_key(o.id), 'createdAt', 'inputAt')
  return at > tonumber(knows[1]) or at > tonumber(knows[2]) + SLACK_MS
end

-- Whether an order that policy gave is still right at its deadline.
local function policy_holds(s, o)
  if o.reason == 'idle' then
    local lease = lease_of(s.id)
    local at = last_input(s, lease and lease.lastInputAt or tonumber(s.lastInputAt))
    local idle_ms = policy('idleLogoffMs')
    return idle_ms > 0 and NOW + SLACK_MS >= at + idle_ms and not is_news(o, at)
  elseif o.reason == 'max_age' then
    return policy('maxAgeMs') > 0 and NOW >= tonumber(s.openedAt) + policy('maxAgeMs')
  elseif o.reason == 'token_expired' then
    return NOW >= tonumber(s.tokenAt)
  end
  return true
end

-- Whoever could not be warned in time gets the whole time of the warning now.
local function in_time(deadline, warn_ms)
  return NOW - (deadline - warn_ms) > SLACK_MS and NOW + warn_ms or deadline
end

-- What policy has to say to a session whose lease runs. Answers the work done, in looks at a session.
local function policy_endings(s, lease)
  local work, told = 0, s.byPolicy
  local idle_ms, warn_ms = policy('idleLogoffMs'), policy('idleWarnMs')
  -- An order that an administrator cancelled is not given again before there is input.
  if is_told(s, 'idle') and not policy_order_over(s, 'idle')
    and NOW < last_input(s, lease.lastInputAt) + idle_ms - warn_ms then
    set_policy_order(s, 'idle', nil)
  end
  if idle_ms > 0 and not is_told(s, 'idle') and NOW >= lease.lastInputAt + idle_ms - warn_ms then
    local at = last_input(s, lease.lastInputAt)
    work = policy('idleScope') == 'user' and math.ceil(call('ZCARD', P .. 'user:' .. s.uid) / 10) or 1
    s.idleWarnAt = at + idle_ms - warn_ms
    if NOW >= s.idleWarnAt then
      give_policy_order(s, 'idle', in_time(at + idle_ms, warn_ms), at)
    end
  end
  local age_ms = policy('maxAgeMs')
  local grace_ms, old_at = math.min(policy('graceMs'), age_ms), tonumber(s.openedAt) + age_ms
  if age_ms > 0 and not is_told(s, 'max_age') and NOW >= old_at - grace_ms then
    give_policy_order(s, 'max_age', in_time(old_at, grace_ms))
  end
  local token_at = tonumber(s.tokenAt)
  if s.tokenTold == '1' and not is_told(s, 'token_expired') and NOW >= token_at - TOKEN_WARN_MS then
    give_policy_order(s, 'token_expired', token_at)
  end
  return s.byPolicy == told and work or work + 6
end

-- After input: idle warnings that it makes untrue are withdrawn, in every session the policy counts together.
local function note_input(s, at)
  local by = { kind = 'user', id = s.uid, name = s.name }
  local function look(other)
    local o = policy_order_over(other, 'idle')
    if not o then
      set_policy_order(other, 'idle', nil)
    elseif is_news(o, at) then
      withdraw_policy_order(other, o, by)
    end
  end
  if is_told(s, 'idle') then look(s) end
  for _, sid in ipairs(policy('idleScope') == 'user' and call('SMEMBERS', P .. 'idling:' .. s.uid) or {}) do
    local other = sid ~= s.id and session_of(sid)
    if other and other.state ~= 'ended' then look(other) end
  end
end

-- A token that lasts longer: the warning of its expiry is not true any more.
local function note_token(s)
  if is_told(s, 'token_expired') then
    local o = policy_order_over(s, 'token_expired')
    if not o then
      set_policy_order(s, 'token_expired', nil)
    elseif tonumber(s.tokenAt) > o.deadlineAt then
      withdraw_policy_order(s, o, { kind = 'user', id = s.uid, name = s.name })
    end
  end
end
