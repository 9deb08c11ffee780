-- Endings by policy – idle, age, token, seat – as orders for one session: one kind of warning, ending and receipt.
-- Needs _lib, _session and _order.

local POLICY = { kind = 'policy' }

-- A UUID (version 8, custom): scripts have no random numbers, but a session and an instant are unique enough.
local function order_id(sid, reason)
  local h = redis.sha1hex(sid .. reason .. digits(US))
  return string.sub(h, 1, 8) .. '-' .. string.sub(h, 9, 12) .. '-8' .. string.sub(h, 14, 16) .. '-8'
    .. string.sub(h, 18, 20) .. '-' .. string.sub(h, 21, 32)
end

-- The live order over a session that policy gave for this reason.
local function policy_order_over(s, reason)
  for _, o in ipairs((orders_over(s))) do
    if o.by.kind == 'policy' and o.reason == reason then
      return o
    end
  end
  return nil
end

-- Warns a session that policy ends it at an instant. place: the session's score in `sessions`.
local function give_policy_order(s, reason, deadline, message)
  local oid = order_id(s.id, reason)
  local grace = math.max(0, deadline - NOW)
  call('HSET', order_key(oid), 'id', oid, 'version', '1', 'state', 'pending', 'action', 'logoff',
    'target', cjson.encode({ sessions = { s.id } }), 'except', '', 'includeSelf', '1', 'issuer', '',
    'message', message, 'reason', reason, 'graceMs', digits(grace), 'holdMs', digits(policy('holdMs')),
    'extend', '', 'denyMs', '0', 'by', cjson.encode(POLICY), 'createdAt', digits(NOW),
    'deadlineAt', digits(deadline), 'cursor', '0', 'undecided', '0', 'targeted', '0', 'delivered', '0', 'seen', '0',
    'saving', '0', 'saved', '0', 'ended', '0', 'verified', '0', 'unverified', '0')
  call('ZADD', P .. 'orders', digits(US), oid)
  call('ZADD', P .. 'due', digits(deadline), 'o:' .. oid)
  record('order.created', POLICY, { orderId = oid, sessionId = s.id, user = user_of(s), reason = reason,
    details = { action = 'logoff', message = message, deadlineAt = deadline, version = 1 } })
  local o = order_of(oid)
  target_session(o, s, call('ZSCORE', P .. 'sessions', s.id) or digits(US))
  local details = warning_of(o)
  details.targeted = { s.id }
  record('order.changed', POLICY, { orderId = oid, reason = reason, details = details })
  return o
end

-- The reason for a policy order is gone: the person came back, or signed in anew.
local function withdraw_policy_order(s, o)
  set_order_state(o, 'cancelled', { kind = 'user', id = s.uid, name = s.name })
  rule_session(s, true)
  record('order.changed', POLICY, { orderId = o.id, reason = o.reason, details = { released = { s.id } } })
end

-- The person's last input, in this session or in any of theirs.
local function last_input(s, own)
  if policy('idleScope') ~= 'user' then
    return own
  end
  local latest = own
  for _, sid in ipairs(call('ZRANGE', P .. 'user:' .. s.uid, 0, 99)) do
    local lease = sid ~= s.id and lease_of(sid)
    if lease and lease.lastInputAt > latest then
      latest = lease.lastInputAt
    end
  end
  return latest
end

local TOKEN_WARN_MS, IDLE_SLACK_MS = 30000, 1000
local SAY = {
  idle = 'You have not used the application for a while. It signs you out soon.',
  max_age = 'You have been signed in for as long as is allowed. Save your work and sign in again.',
  token_expired = 'Your sign-in expires soon and could not be renewed. Save your work and sign in again.',
  replaced = 'You signed in somewhere else, and only so many sessions are allowed. Save your work.',
}

-- Warns at an instant, unless that was done: the deadline stands, or leaves the whole warning time when it is late.
local function warn_of_ending(s, reason, deadline, warn_ms)
  if NOW < deadline - warn_ms or policy_order_over(s, reason) then
    return
  end
  local late = NOW - (deadline - warn_ms)
  give_policy_order(s, reason, late > IDLE_SLACK_MS and NOW + warn_ms or deadline, SAY[reason])
end

-- What policy says of a session whose lease runs: warned of its idle logoff, its greatest age, its token's expiry.
local function policy_endings(s, lease)
  local idle_ms = policy('idleLogoffMs')
  if idle_ms > 0 and NOW >= lease.lastInputAt + idle_ms - policy('idleWarnMs') then
    local at = last_input(s, lease.lastInputAt)
    warn_of_ending(s, 'idle', at + idle_ms, policy('idleWarnMs'))
  end
  if policy('maxAgeMs') > 0 then
    warn_of_ending(s, 'max_age', tonumber(s.openedAt) + policy('maxAgeMs'), policy('graceMs'))
  end
  if s.tokenTold == '1' then
    warn_of_ending(s, 'token_expired', tonumber(s.tokenAt), TOKEN_WARN_MS)
  end
end

-- After input: idle warnings that it makes untrue are withdrawn, in every session the policy counts together.
local function note_input(s, at)
  local idle_logoff = policy('idleLogoffMs')
  local sids = policy('idleScope') == 'user' and call('ZRANGE', P .. 'user:' .. s.uid, 0, 99) or { s.id }
  for _, sid in ipairs(sids) do
    local other = sid == s.id and s or session_of(sid)
    local o = other and other.state ~= 'ended' and policy_order_over(other, 'idle')
    if o and o.deadlineAt + IDLE_SLACK_MS < at + idle_logoff then
      withdraw_policy_order(other, o)
    end
  end
end
