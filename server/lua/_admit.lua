-- Who may open a session now: blocks, maintenance, seats. Needs _lib, _session, _block, _order and _policy_order.

local function set_has(list, names)
  for _, name in ipairs(names) do
    for _, wanted in ipairs(list) do
      if name == wanted then return true end
    end
  end
  return false
end

-- The maintenance window that keeps this person out now, if any.
local function maintenance_against(roles)
  local m = fields_of(P .. 'maintenance', { 'state', 'admissionStopsAt', 'bypassRoles', 'message', 'untilAt', 'action' })
  if not m.state or m.action == 'warn' or NOW < tonumber(m.admissionStopsAt) then
    return nil
  end
  return not set_has(cjson.decode(m.bypassRoles), roles) and m or nil
end

-- The session to make room: the oldest or the one idle for longest, of those not yet told to go.
local function loser_of(index)
  local how = policy('onSessionLimit')
  local loser, since
  for _, sid in ipairs(call('ZRANGE', index, 0, 199)) do
    local s = session_of(sid)
    if s and s.state ~= 'ended' and not policy_order_over(s, 'replaced') then
      if how == 'end_oldest' then
        return s
      end
      local lease = lease_of(sid)
      local at = lease and lease.lastInputAt or tonumber(s.lastInputAt)
      if not since or at < since then
        loser, since = s, at
      end
    end
  end
  return loser
end

-- How many seats of an index are taken: those told to go make room already.
local function seats_taken(name)
  return call('ZCARD', P .. name) - call('ZCOUNT', P .. 'leaving:' .. name, digits(NOW), '+inf')
end

-- Keeps to one limit: there is room, or one session is told to go; false: refuse. name: `sessions` or `user:<uid>`.
local function make_room(name, limit)
  if limit == 0 or seats_taken(name) < limit then
    return true
  end
  local loser = policy('onSessionLimit') ~= 'refuse' and loser_of(P .. name)
  if not loser then
    return false
  end
  give_policy_order(loser, 'replaced', NOW + policy('graceMs'), SAY.replaced)
  local gone_by = policy('graceMs') + policy('holdMs')
  call('ZADD', P .. 'leaving:' .. name, digits(NOW + gone_by), loser.id)
  call('PEXPIRE', P .. 'leaving:' .. name, gone_by + 60000)
  return true
end

-- The refusal of a new session, or nil.
local function admission_refusal(who, issued_at)
  local block = block_against(who.uid, issued_at)
  if block then
    return 'blocked', { untilAt = block.untilAt, reason = block.reason, said = block.message }
  end
  local window = maintenance_against(who.roles)
  if window then
    local until_at = tonumber(window.untilAt or '')
    return 'maintenance', { said = window.message, untilAt = until_at,
      retryAfterMs = until_at and math.max(1000, until_at - NOW) or 60000 }
  end
  if not make_room('user:' .. who.uid, policy('maxSessionsPerUser'))
    or not make_room('sessions', policy('maxSessions')) then
    return 'session_limit', { retryAfterMs = 60000 }
  end
  return nil
end
