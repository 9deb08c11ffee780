-- One administrator stays. Needs _lib, _session, _block, _order, _target, _role.
-- A logoff for everybody, or for a group, whose giver did not say `includeSelf` never ends the sessions of all
-- administrators: if none of them would be spared, the one with the latest input is. Who is named – in sessions, users,
-- or by the role itself – is meant.
-- order:<oid>  `spared`: JSON { id, name } of whom the guard keeps in. It is decided with the order, when a session is
--              opened under it, and when an administrator is about to be ended: who was to stay may be gone by then.

-- Most administrators' sessions that are looked at, the newest first. Beyond that one too many may be spared.
local LOOK_ADMINISTRATORS = 50

-- The session of who has to stay, if somebody has to, and how many were looked at. is_hit: whether the order hits a
-- session; oid: nil for a rehearsal.
local function last_administrator(target, is_hit, oid)
  local roles = {}
  for _, role in ipairs(target.roles or {}) do
    if ADMINISTERS[role] then roles[#roles + 1] = role end
  end
  local named = matcher({ sessions = target.sessions, users = target.users, roles = roles })
  local sids = call('ZRANGE', P .. 'administrators', 0, LOOK_ADMINISTRATORS - 1, 'REV')
  local latest, latest_at
  for i, sid in ipairs(sids) do
    local s = candidate(sid)
    local is_under = s and (is_hit(s) or (oid and call('HEXISTS', order_key(oid) .. ':targets', sid) == 1))
    if s and not is_under then
      return nil, i
    end
    local at = s and not named(s) and tonumber(s.lastInputAt)
    if at and (not latest or at > latest_at) then
      latest, latest_at = s, at
    end
  end
  return latest, #sids
end

-- Decides whom an order spares, and notes it with the order. Answers that session, and how many were looked at.
local function guard_order(o)
  local q = fields_of(order_key(o.id), { 'target', 'includeSelf' })
  if o.action ~= 'logoff' or q.includeSelf == '1' then
    return nil, 0
  end
  local s, looked = last_administrator(cjson.decode(q.target), hits(o.id), o.id)
  if s then
    o.spared = cjson.encode(user_of(s))
    call('HSET', order_key(o.id), 'spared', o.spared)
  end
  return s, looked
end

-- Whether an order that is open has to leave in who opens a session now.
local function spares_newcomer(o, s)
  local last = call('ZSCORE', P .. 'administrators', s.id) and guard_order(o)
  if not last or last.uid ~= s.uid then
    return false
  end
  record('order.changed', SYSTEM, { orderId = o.id, reason = o.reason, details = { spared = user_of(s) } })
  return true
end

-- Takes a session from under an order as if it had never been hit.
local function let_go(s, o)
  local receipt = receipt_of(o.id, s.id)
  call('HDEL', order_key(o.id) .. ':targets', s.id)
  call('ZREM', order_key(o.id) .. ':index', s.id)
  call('HDEL', session_key(s.id), 'hold:' .. o.id, 'extend:' .. o.id, 'why:' .. o.id)
  count(o.id, 'targeted', -1)
  count(o.id, 'undecided', -1)
  if receipt.deliveredAt then count(o.id, 'delivered', -1) end
  if receipt.seenAt then count(o.id, 'seen', -1) end
  if receipt.state == 'saving' then count(o.id, 'saving', -1) end
  local others = {}
  for _, oid in ipairs(split(s.orders, ',')) do
    if oid ~= o.id then others[#others + 1] = oid end
  end
  s.orders = table.concat(others, ',')
  if cuts(o) then allow_by_security(o, s.uid) end
  rule_session(s, true)
  record('order.changed', SYSTEM, { orderId = o.id, reason = o.reason,
    details = { released = { s.id }, spared = user_of(s) } })
  finish_order(o)
end

-- Whether the guard keeps in a session that an order is about to end; then it is let go. Answers, too, how many
-- sessions were looked at.
local function stays_by_guard(s, o)
  local is_spared, looked = o.spared and cjson.decode(o.spared).id == s.uid, 0
  if not is_spared and call('ZSCORE', P .. 'administrators', s.id) then
    local last, count_looked = guard_order(o)
    is_spared, looked = last and last.uid == s.uid, count_looked
  end
  if is_spared then let_go(s, o) end
  return is_spared, looked
end
