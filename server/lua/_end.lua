-- How a session ends, and how its end is proved. Needs _lib, _session, _release, _block and _order.

-- The earliest instant after an end at which a silent node is called one: a node that died is known to be dead by then.
local VERIFY_MS = 7000
local END_WORK = 4
-- Who is cut off for security gets no more than this for last handlers.
local CUT_FLUSH_MS = 1000

-- What an ending means for the receipt of an order over the session; nil: the client's answer decides.
local function outcome_of(o, receipt, reason, ending_order)
  if receipt.savedAt or reason == 'user' then return 'clean' end
  if reason == 'unresponsive' and o.action == 'logoff' then return 'fenced' end
  if o.id == ending_order then return nil end
  return 'gone'
end

local function close_receipt(o, s, reason, ending_order)
  local receipt = receipt_of(o.id, s.id)
  if not receipt or receipt.endedAt then
    return
  end
  if receipt.state == 'saving' then
    count(o.id, 'saving', -1)
  end
  receipt.state = 'ended'
  receipt.endedAt = NOW
  receipt.outcome = outcome_of(o, receipt, reason, ending_order)
  save_receipt(o.id, s.id, receipt)
  count(o.id, 'ended')
end

-- Keeps the person out for as long as the orders over the session say; answers for how long. An order that did not
-- end the session does so only if it would not hit the person's next session anyway. A security order did it before.
local function deny_reentry(s, orders, ending_order)
  local until_at = 0
  for _, o in ipairs(orders) do
    local deny_ms = o.action == 'logoff' and tonumber(o.denyMs) or 0
    if deny_ms > 0 and (o.id == ending_order or not call('ZSCORE', P .. 'open', o.id)) then
      local block = cuts(o) and block_by_security(o, s.uid) or deny_by_order(s, o, NOW + deny_ms)
      until_at = math.max(until_at, block.untilAt)
    end
  end
  if until_at <= NOW then
    return nil
  end
  call('HSET', session_key(s.id), 'denied', digits(until_at))
  return until_at - NOW
end

-- The way back in: the tombstone refuses a resumption; new sessions are refused as long as was said, by any block.
local function reentry_of(sid, s)
  if call('PTTL', session_key(sid)) <= 0 then
    return { ok = false }
  end
  local until_at = tonumber(s.denied or '0')
  local block = until_at > NOW and block_against(s.uid, math.huge)
  if block == nil or block and block.untilAt and block.untilAt < until_at then
    return { ok = false, detail = 'new sessions of the person are not refused' }
  end
  return { ok = true }
end

-- The four proofs. live: set of the nodes that are alive; a lapsed node's sockets count as gone.
local function checks_of(sid, s, live)
  local checks = {
    registry = { ok = s.state == 'ended' and not call('ZSCORE', P .. 'sessions', sid) },
    sockets = { ok = true },
    locks = { ok = call('EXISTS', P .. 'held:' .. sid, P .. 'waits:' .. sid) == 0 },
    reentry = reentry_of(sid, s),
  }
  for _, node in pairs(attachments_of(sid)) do
    if live[node] then
      checks.sockets = { ok = false, detail = 'node ' .. node .. ' has not closed its socket' }
    end
  end
  return checks
end

local function decide_receipt(oid, sid, checks, verified, answered)
  local o = order_of(oid)
  local receipt = o and receipt_of(oid, sid)
  -- Without `endedAt` the order was over before the session was.
  if not receipt or not receipt.endedAt or receipt.verified == true or receipt.verified == verified then
    return
  end
  if receipt.verified == nil then
    call('HINCRBY', order_key(oid), 'undecided', -1)
  else
    count(oid, 'unverified', -1)
  end
  count(oid, verified and 'verified' or 'unverified')
  receipt.outcome = receipt.outcome or (answered and 'forced' or 'fenced')
  receipt.verified = verified
  receipt.checks = checks
  save_receipt(oid, sid, receipt)
  finish_order(o)
end

-- Reads the proofs back and decides the receipts. Without `final` an unproved end waits for its instant.
local function verify_session(sid, live, final)
  local s = fields_of(session_key(sid),
    { 'uid', 'name', 'state', 'orders', 'orderId', 'answered', 'verified', 'denied' })
  if not s.uid or s.verified == '1' then
    call('ZREM', P .. 'due', 'v:' .. sid)
    return
  end
  local checks = checks_of(sid, s, live)
  local verified = checks.registry.ok and checks.sockets.ok and checks.locks.ok and checks.reentry.ok
  if not verified and not final then
    return
  end
  call('ZREM', P .. 'due', 'v:' .. sid)
  call('HSET', session_key(sid), 'verified', verified and '1' or '0')
  record(verified and 'session.verified' or 'session.unverified', SYSTEM, {
    sessionId = sid, user = user_of(s), orderId = s.orderId ~= '' and s.orderId or nil, details = { checks = checks },
  })
  for _, oid in ipairs(split(s.orders, ',')) do
    decide_receipt(oid, sid, checks, verified, s.answered == '1')
  end
end

-- The person's last input outlives the session it was made in, where input in any session counts.
local function keep_input(s, lease)
  if policy('idleScope') ~= 'user' or policy('idleLogoffMs') == 0 then
    return
  end
  local key, input_at = P .. 'input:' .. s.uid, lease and lease.lastInputAt or tonumber(s.lastInputAt)
  if input_at > tonumber(call('GET', key) or '0') then
    call('SET', key, digits(input_at), 'PX', policy('idleLogoffMs'))
  end
end

-- Ends a session: its one end, one reason, one record; its locks pass on in the same instant.
-- s: from session_of; alive: the live orders over it, where they are known. Answers the work done, in looks at a
-- session (or at a lock).
local function end_session(s, reason, by, message, oid, live, alive)
  local from = s.state
  local orders = alive or orders_over(s)
  for _, o in ipairs(orders) do
    close_receipt(o, s, reason, oid)
  end
  local denied = deny_reentry(s, orders, oid)
  s.state = 'ended'
  local lease = lease_of(s.id)
  keep_input(s, lease)
  forget_ending(s)
  local facts = { 'state', 'ended', 'endedAt', digits(NOW), 'reason', reason, 'by', cjson.encode(by),
    'message', message or '', 'orderId', oid or '', 'conn', '0' }
  if lease then
    -- What was last heard of it goes with the lease.
    for name, value in pairs({ beatAt = digits(lease.beatAt), lastInputAt = digits(lease.lastInputAt),
      dirty = lease.dirty, view = lease.view }) do
      facts[#facts + 1], facts[#facts + 2] = name, value
    end
  end
  call('HSET', session_key(s.id), unpack(facts))
  call('DEL', lease_key(s.id))
  call('ZREM', P .. 'sessions', s.id)
  call('ZREM', P .. 'user:' .. s.uid, s.id)
  call('ZREM', P .. 'administrators', s.id)
  call('ZREM', P .. 'due', 's:' .. s.id)
  call('PEXPIRE', session_key(s.id), policy('endedKeepMs'))
  record('session.ended', by, {
    sessionId = s.id, user = user_of(s), orderId = oid, reason = reason,
    details = {
      from = from, node = s.node, dirty = (lease and lease.dirty or s.dirty) == '1', message = message,
      reentryMs = denied, left = waited_for(s.id),
      flushMs = math.min(policy('flushMs'), reason == 'security' and CUT_FLUSH_MS or math.huge),
    },
  })
  local work = release_all(s, by, reason == 'unresponsive' and policy('lockDelayMs') or 0)
  call('ZADD', P .. 'due', digits(NOW + math.max(policy('flushMs') + 2000, VERIFY_MS)), 'v:' .. s.id)
  if next(attachments_of(s.id)) == nil then
    verify_session(s.id, live, true)
  end
  return END_WORK + work
end
