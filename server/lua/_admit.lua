-- Who may open a session: blocks, maintenance, seats. Needs _lib, _session, _block, _order and _ending.
-- leaving-sessions, leaving-user:<uid>  set  sessions that were told to make room, by the index they are in

-- Most sessions among which the one to make room is looked for, the oldest first.
local LOOK_LOSERS = 1000
local RETRY_MS = 60000

-- The maintenance window that keeps this person out now, if any.
local function maintenance_against(roles)
  local m = fields_of(P .. 'maintenance',
    { 'state', 'admissionStopsAt', 'bypassRoles', 'message', 'untilAt', 'action' })
  if not m.state or m.action == 'warn' or NOW < tonumber(m.admissionStopsAt) then
    return nil
  end
  -- Over, though nobody has swept yet.
  if NOW >= (tonumber(m.untilAt or '') or math.huge) then
    return nil
  end
  local bypass = set_of(cjson.decode(m.bypassRoles)) or {}
  for _, role in ipairs(roles) do
    if bypass[role] then return nil end
  end
  return m
end

-- How many seats of an index are taken: those told to go make room already.
local function seats_taken(index)
  return call('ZCARD', P .. index) - call('SCARD', P .. 'leaving-' .. index)
end

-- The session to make room: the oldest or the idlest of those that were not told to yet.
local function loser_of(index, other)
  local leaving = set_of(call('SMEMBERS', P .. 'leaving-' .. index)) or {}
  local loser, since
  for _, sid in ipairs(call('ZRANGE', P .. index, 0, LOOK_LOSERS - 1)) do
    if not leaving[sid] and sid ~= other then
      if policy('onSessionLimit') == 'end_oldest' then
        return sid
      end
      local lease = lease_of(sid)
      local at = lease and lease.lastInputAt or tonumber(call('HGET', session_key(sid), 'lastInputAt') or '0')
      if not since or at < since then
        loser, since = sid, at
      end
    end
  end
  return loser
end

local function send_off(sid)
  local s = session_of(sid)
  call('SADD', P .. 'leaving-sessions', sid)
  call('SADD', P .. 'leaving-user:' .. s.uid, sid)
  give_policy_order(s, 'replaced', NOW + policy('graceMs'))
end

-- Keeps to the limits of seats: there is room, or others are told to make it; else whose seats they are that are all
-- taken. Nobody is sent off for somebody who is refused then.
local function make_room(uid)
  local losers = {}
  local function has_room(index, limit)
    if limit == 0 or seats_taken(index) - #losers < limit then
      return true
    end
    losers[#losers + 1] = policy('onSessionLimit') ~= 'refuse' and loser_of(index, losers[1]) or nil
    return seats_taken(index) - #losers < limit
  end
  if not has_room('user:' .. uid, policy('maxSessionsPerUser')) then return 'user' end
  if not has_room('sessions', policy('maxSessions')) then return 'tenant' end
  for _, sid in ipairs(losers) do
    send_off(sid)
  end
  return nil
end

-- The refusal of a new session: its code and what belongs to it; nil: it may be opened.
local function admission_refusal(who, issued_at)
  local block = block_against(who.uid, issued_at)
  if block then
    return 'blocked', told_of(block)
  end
  local window = maintenance_against(who.roles)
  if window then
    local until_at = tonumber(window.untilAt or '')
    return 'maintenance', { said = window.message, untilAt = until_at,
      -- It may be lifted before, so that nobody waits for longer than a minute without asking again.
      retryAfterMs = math.min(RETRY_MS, math.max(1000, (until_at or math.huge) - NOW)) }
  end
  local full = make_room(who.uid)
  if full then
    return 'session_limit', { reason = full, retryAfterMs = RETRY_MS }
  end
  return nil
end
