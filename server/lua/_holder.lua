-- Who stands in the way, as people are told. Needs _lib, _session, _tree, _lock and _queue.

-- Most holders of one resource that are told of, most that a refusal names, and most sessions looked at for those.
local MAX_HOLDERS = 100
local MAX_BLOCKERS = 20
local MAX_MARKS = 1000

-- Whether a holder yields at once. What somebody did since the last beat is not known yet: it is the beat that counts,
-- unless none can come.
local function is_idle(s, lease)
  local known_at = s and s.conn == '1' and lease and lease.beatAt or NOW
  local input_at = tonumber((lease or s or {}).lastInputAt or '0')
  return policy('lockIdleMs') > 0 and known_at - input_at >= policy('lockIdleMs')
end

-- What somebody else may do about a holder: `takeable` for everybody, `force` for administrators besides.
local function holder_of(resource, sid, text)
  local lock = lock_of(resource, text)
  local s = session_of(sid) or { uid = '?', name = '?', state = 'ended', lastInputAt = NOW, dirty = '0' }
  local lease = lease_of(sid) or s
  local idle_ms = math.max(0, NOW - tonumber(lease.lastInputAt))
  local may = policy('lockTakeover')
  local is_free = s.state ~= 'ended' and call('EXISTS', P .. 'takeover:' .. resource) == 0
  return {
    resource = resource, mode = lock.mode, scope = lock.scope, sessionId = sid, user = user_of(s),
    grantedAt = lock.grantedAt, idleMs = idle_ms, dirty = lease.dirty == '1', state = s.state, note = lock.note,
    takeable = is_free and (may == 'ask' or may == 'idle' and is_idle(s, lease)) and 'ask' or 'no',
    force = is_free and may == 'admin' or nil,
  }
end

-- The holders of a resource with their locks, name after name: all, or so many of them.
local function locks_on(resource, limit)
  local key = P .. 'lock:' .. resource
  if call('HLEN', key) <= limit then
    return call('HGETALL', key)
  end
  local flat = {}
  for _, pair in ipairs(call('HRANDFIELD', key, limit, 'WITHVALUES')) do
    flat[#flat + 1] = pair
  end
  return flat
end

local function holders_of(resource)
  local holders = {}
  local flat = locks_on(resource, MAX_HOLDERS)
  for i = 1, #flat, 2 do
    holders[#holders + 1] = holder_of(resource, flat[i], flat[i + 1])
  end
  return holders
end

-- Sessions, other than this one, with locks below a resource that forbid a tree lock of this mode on it.
local function sessions_below(resource, mode, sid)
  local key, sids, seen = P .. 'marks:' .. resource, {}, {}
  local fields = call('HLEN', key) <= MAX_MARKS and call('HKEYS', key) or call('HRANDFIELD', key, MAX_MARKS)
  for _, field in ipairs(fields) do
    local kind, other = string.match(field, '^([sx]):(.+)$')
    if other and other ~= sid and not seen[other] and (kind == 'x' or mode == 'exclusive') then
      seen[other] = true
      sids[#sids + 1] = other
    end
  end
  return sids
end

-- Calls back with each lock of another session that forbids what is wanted, until the answer is false: on the
-- resource, tree locks above it, and for a tree those below.
local function each_against(want, sid, tell)
  local function on(resource, is_above)
    local flat = locks_on(resource, MAX_MARKS)
    for i = 1, #flat, 2 do
      local lock = flat[i] ~= sid and lock_of(resource, flat[i + 1])
      if lock and modes_conflict(lock.mode, want.mode) and not (is_above and lock.scope ~= 'tree')
        and tell(flat[i], resource, flat[i + 1]) == false then
        return false
      end
    end
    return true
  end
  local goes_on = on(want.resource)
  for _, parent in ipairs(above(want.resource)) do
    goes_on = goes_on and (not is_marked_against(parent, 'SX', want.mode, sid) or on(parent, true))
  end
  if not goes_on or want.scope ~= 'tree' then return end
  local prefix = want.resource .. '/'
  for _, other in ipairs(sessions_below(want.resource, want.mode, sid)) do
    for _, resource in ipairs(call('HKEYS', P .. 'held:' .. other)) do
      local text = string.sub(resource, 1, #prefix) == prefix and call('HGET', P .. 'lock:' .. resource, other)
      if text and modes_conflict(lock_of(resource, text).mode, want.mode)
        and tell(other, resource, text) == false then
        return
      end
    end
  end
end

-- Who stands in the way of a request, at most 20 locks. If it is an older request, those in the way of that one.
local function blockers_of(want, sid, older, older_sid)
  local blockers = {}
  local function note(holder, resource, text)
    if holder ~= sid then
      blockers[#blockers + 1] = holder_of(resource, holder, text)
    end
    return #blockers < MAX_BLOCKERS
  end
  each_against(want, sid, note)
  if #blockers == 0 and older then
    each_against(older, older_sid, note)
  end
  return blockers
end
