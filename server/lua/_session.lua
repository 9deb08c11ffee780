-- Sessions: their fields, lease, state and next due instant. Needs _lib.

local SESSION_FIELDS = {
  'uid', 'name', 'state', 'conn', 'idle', 'saving', 'attach', 'node', 'lastInputAt', 'dirty', 'view',
  'tokenAt', 'tokenTold', 'orders', 'deadlineAt', 'deadlineOrder', 'credited', 'creditEndsAt', 'openedAt', 'byPolicy',
}

local function session_key(sid)
  return P .. 'session:' .. sid
end

local function lease_key(sid)
  return P .. 'lease:' .. sid
end

-- The fields scripts decide by; nil for an unknown session.
local function session_of(sid)
  local s = fields_of(session_key(sid), SESSION_FIELDS)
  if not s.uid then
    return nil
  end
  s.id = sid
  return s
end

local function user_of(s)
  return { id = s.uid, name = s.name }
end

-- lease value: attach|node|beatAt|lastInputAt|dirty|view
local function lease_of(sid)
  local value = call('GET', lease_key(sid))
  if not value then
    return nil
  end
  local attach, node, beat_at, input_at, dirty, view =
    string.match(value, '^(%d+)|([^|]*)|(%d+)|(%d+)|([01])|(.*)$')
  return {
    attach = tonumber(attach), node = node, beatAt = tonumber(beat_at),
    lastInputAt = tonumber(input_at), dirty = dirty, view = view,
  }
end

local function write_lease(s, beat_at)
  call('SET', lease_key(s.id),
    s.attach .. '|' .. s.node .. '|' .. digits(beat_at) .. '|' .. digits(s.lastInputAt) .. '|' .. s.dirty
      .. '|' .. (s.view or ''), 'PX', policy('leaseMs'))
end

-- The state these facts make; the same order as sessionState in shared/src/session.ts.
local function state_of(s)
  if s.state == 'ended' then return 'ended' end
  if s.conn ~= '1' then return 'disconnected' end
  if s.saving == '1' then return 'saving' end
  if s.deadlineOrder and s.deadlineOrder ~= '' then return 'warned' end
  if s.idle == '1' then return 'idle' end
  return 'active'
end

-- Stores changed facts; records the change of state (or `details`, when something else is worth a record).
local function save_session(s, changes, by, details)
  local flat = {}
  for name, value in pairs(changes) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
    s[name] = value
  end
  local from = s.state
  s.state = state_of(s)
  if s.state ~= from then
    flat[#flat + 1] = 'state'
    flat[#flat + 1] = s.state
  end
  if #flat > 0 then
    call('HSET', session_key(s.id), unpack(flat))
  end
  if s.state ~= from or details then
    local told = details or {}
    if s.state ~= from then
      told.from = from
      told.to = s.state
    end
    record('session.state', by, { sessionId = s.id, user = user_of(s), details = told })
  end
end

-- Whether policy has told the session of an ending for this reason. `byPolicy` holds `reason=order,` for each.
local function is_told(s, reason)
  return string.find(s.byPolicy or '', reason .. '=', 1, true) ~= nil
end

local EXPIRING_MS, TOKEN_WARN_MS = 60000, 30000

-- Puts the session to its next instant: lease, order's deadline, idle mark, token, or what policy has to warn of.
-- `idleWarnAt` is known where the person's other sessions were looked at.
local function schedule_session(s, lease_ends_at)
  local at, deadline = lease_ends_at, tonumber(s.deadlineAt or '0')
  local function sooner(instant)
    if instant and instant > 0 and instant < at then
      at = instant
    end
  end
  local input_at = tonumber(s.lastInputAt)
  if s.idle ~= '1' then
    sooner(input_at + policy('idleAfterMs'))
  end
  if policy('idleLogoffMs') > 0 and not is_told(s, 'idle') then
    sooner(s.idleWarnAt or input_at + policy('idleLogoffMs') - policy('idleWarnMs'))
  end
  if policy('maxAgeMs') > 0 and not is_told(s, 'max_age') then
    sooner(tonumber(s.openedAt) + math.max(0, policy('maxAgeMs') - policy('graceMs')))
  end
  local token_at = tonumber(s.tokenAt)
  if s.tokenTold ~= '1' then
    sooner(token_at - EXPIRING_MS)
  elseif not is_told(s, 'token_expired') then
    sooner(token_at - TOKEN_WARN_MS)
  elseif token_at > NOW then
    sooner(token_at)
  end
  at = math.max(at, NOW + 1)
  -- Whose time is over stays due: a client could put off its end otherwise, by what it says in the meantime.
  sooner(deadline)
  call('ZADD', P .. 'due', digits(at), 's:' .. s.id)
end

-- The gap rule: while nobody swept, or the clock jumped, nobody could keep a lease either. Leases that had not run out
-- at the last sweep get the length of the gap and two beats more. It is noticed by the sweep or by the first session
-- that comes before it. `total` is what all gaps give; a session has had what its `credited` says.
-- `swept` is the instant of the last sweep, with a `+` when there is work left, or a `~` when the tenant rests: it had
-- no session then, so that no lease can have run out since.
local GAP_MS = 1000
local function notice_gap()
  local swept = call('GET', P .. 'swept') or ''
  local swept_at, is_resting = tonumber(string.match(swept, '^%d+') or '0'), string.sub(swept, -1) == '~'
  local since = NOW - swept_at
  if since >= 0 and since <= GAP_MS and not is_resting then
    return
  end
  call('SET', P .. 'swept', digits(NOW) .. '+')
  if swept_at == 0 or is_resting then
    return
  end
  local total = tonumber(call('HGET', P .. 'gap', 'total') or '0') + math.max(0, since) + 2 * policy('beatMs')
  -- Work was left: a session that is due may have been so for something else, and its lease have run at the last sweep.
  local behind = string.sub(swept, -1) == '+' and '1' or '0'
  call('HSET', P .. 'gap', 'from', digits(swept_at), 'to', digits(NOW), 'total', digits(total), 'behind', behind)
  if call('ZCARD', P .. 'sessions') > 0 then
    record('session.state', SYSTEM, { details = { gap = { from = swept_at, to = NOW } } })
  end
end

-- Whether the session went on over a newer socket than this. A higher number than is known here is of a socket that the
-- data came back without (a fail-over): it is the newest all the same, and its next heartbeat says so.
local function is_superseded(s, attach)
  return tonumber(attach) < tonumber(s.attach)
end

-- Until when a session without a lease, due at that instant, may stay because of gaps.
local function stays_until(s, due_at, gap)
  local owed = tonumber(gap.total or '0') - tonumber(s.credited or '0')
  local from = tonumber(gap.from or '0')
  if owed <= 0 or (due_at <= from and gap.behind ~= '1') then
    return tonumber(s.creditEndsAt or '0')
  end
  -- When the lease ran out nobody knows: not before it was due, nor later than a lease that began with the gap.
  -- What an earlier gap gave is not taken back by an order's deadline that came before its end.
  local until_at = math.max(due_at, tonumber(s.creditEndsAt or '0'),
    math.min(NOW, from + GAP_MS + policy('leaseMs'))) + owed
  call('HSET', session_key(s.id), 'credited', gap.total, 'creditEndsAt', digits(until_at))
  return until_at
end

-- A lease from now on: no gap of before counts for it.
local function begin_lease(s)
  write_lease(s, NOW)
  call('HSET', session_key(s.id), 'credited', call('HGET', P .. 'gap', 'total') or '0', 'creditEndsAt', '0')
  schedule_session(s, NOW + policy('leaseMs'))
end

-- A session that policy told of its end is gone, or stays after all: it makes no room, and waits for no input.
local function forget_ending(s)
  if is_told(s, 'replaced') then
    call('SREM', P .. 'leaving-sessions', s.id)
    call('SREM', P .. 'leaving-user:' .. s.uid, s.id)
  end
  call('SREM', P .. 'idling:' .. s.uid, s.id)
end

-- The nodes that still hold a socket of the session: { [attach] = node }. A field says `node|claim`.
local function attachments_of(sid)
  local held = {}
  local flat = call('HGETALL', session_key(sid))
  for i = 1, #flat, 2 do
    local attach = string.match(flat[i], '^at:(%d+)$')
    if attach then held[attach] = string.match(flat[i + 1], '^[^|]*') end
  end
  return held
end
