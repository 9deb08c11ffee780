-- Locks: who holds, who waits, who is next. Needs _lib and _session.
-- lock:<resource>     hash  sid -> mode|scope|fence|grantedAt|requestId|note
-- waiters:<resource>  zset  sid:requestId by ticket (a take-over stands at the head with a ticket below all others)
-- held:<sid>          hash  resource -> fence
-- waits:<sid>         hash  requestId -> mode|scope|since|resource|note
-- done:<sid>          hash  requestId -> outcome, the last 256; `doned:<sid>` lists them by age
-- locks               zset  every resource with a holder or a waiter, by name

local KEPT_REQUESTS = 256

-- Strictly increases, through restarts and the loss of all data: the last + 1, or Redis' microseconds.
local function next_fence()
  local last = tonumber(call('GET', P .. 'fence') or '0')
  local fence = digits(math.max(last + 1, US))
  call('SET', P .. 'fence', fence)
  return fence
end

local function lock_of(resource, text)
  local mode, scope, fence, granted_at, request_id, note =
    string.match(text, '^(%a+)|(%a+)|(%d+)|(%d+)|([^|]*)|(.*)$')
  return {
    resource = resource, mode = mode, scope = scope, fence = fence, grantedAt = tonumber(granted_at),
    requestId = request_id, note = note ~= '' and note or nil,
  }
end

local function wait_of(text)
  local mode, scope, since, resource, note = string.match(text, '^(%a+)|(%a+)|(%d+)|([^|]+)|(.*)$')
  return { mode = mode, scope = scope, since = tonumber(since), resource = resource, note = note }
end

local function holder_of(resource, sid, text)
  local lock = lock_of(resource, text)
  local s = session_of(sid) or { uid = '?', name = '?', state = 'ended', lastInputAt = NOW, dirty = '0' }
  local lease = lease_of(sid) or s
  return {
    resource = resource, mode = lock.mode, scope = lock.scope, sessionId = sid, user = user_of(s),
    grantedAt = lock.grantedAt, idleMs = math.max(0, NOW - tonumber(lease.lastInputAt)),
    dirty = lease.dirty == '1', state = s.state, takeable = 'no', note = lock.note,
  }
end

local function holders_of(resource)
  local holders = {}
  local flat = call('HGETALL', P .. 'lock:' .. resource)
  for i = 1, #flat, 2 do
    holders[#holders + 1] = holder_of(resource, flat[i], flat[i + 1])
  end
  return holders
end

-- Remembers what became of a request, so that a repeated one is told instead of granted anew.
local function finish_request(sid, request_id, outcome)
  local key = P .. 'done:' .. sid
  if call('HSET', key, request_id, outcome) == 1 then
    local order = P .. 'doned:' .. sid
    if call('RPUSH', order, request_id) > KEPT_REQUESTS then
      call('HDEL', key, call('LPOP', order))
    end
  end
end

local function grant(s, resource, mode, scope, request_id, note, waited)
  local fence = next_fence()
  call('HSET', P .. 'lock:' .. resource, s.id,
    mode .. '|' .. scope .. '|' .. fence .. '|' .. digits(NOW) .. '|' .. request_id .. '|' .. note)
  call('HSET', P .. 'held:' .. s.id, resource, fence)
  call('ZADD', P .. 'locks', 0, resource)
  record('lock.granted', { kind = 'user', id = s.uid, name = s.name }, {
    sessionId = s.id, user = user_of(s), resource = resource, fence = fence,
    details = {
      requestId = request_id, mode = mode, scope = scope, waited = waited, note = note ~= '' and note or nil,
    },
  })
  return {
    resource = resource, mode = mode, scope = scope, fence = fence, grantedAt = NOW,
    note = note ~= '' and note or nil,
  }
end

-- Takes a request out of the queue; says which it was.
local function leave_queue(sid, request_id)
  local text = call('HGET', P .. 'waits:' .. sid, request_id)
  if not text then
    return nil
  end
  local wait = wait_of(text)
  call('HDEL', P .. 'waits:' .. sid, request_id)
  call('ZREM', P .. 'waiters:' .. wait.resource, sid .. ':' .. request_id)
  call('ZREM', P .. 'due', 'q:' .. sid .. ':' .. request_id)
  return wait
end

local function forget_if_unused(resource)
  if call('EXISTS', P .. 'lock:' .. resource, P .. 'waiters:' .. resource) == 0 then
    call('ZREM', P .. 'locks', resource)
  end
end

-- Who waits for many resources is looked at once in a script: it may pass on all locks of a session at once.
local reachable = {}
local function is_reachable(sid)
  if reachable[sid] == nil then
    reachable[sid] = session_reachable(sid)
  end
  return reachable[sid]
end

-- Gives a free resource to the first waiter who can use it now. Waiters out of reach keep their place and are
-- passed over. Answers how many waiters were looked at.
local function grant_next(resource)
  if call('EXISTS', P .. 'lock:' .. resource) == 1 then
    return 0
  end
  local queue = call('ZRANGE', P .. 'waiters:' .. resource, 0, -1)
  for looked, member in ipairs(queue) do
    local sid, request_id = string.match(member, '^([^:]+):(.+)$')
    if is_reachable(sid) then
      local wait = leave_queue(sid, request_id)
      grant(session_of(sid), resource, wait.mode, wait.scope, request_id, wait.note, NOW - wait.since)
      return looked
    end
  end
  forget_if_unused(resource)
  return #queue
end

-- Takes a lock from its holder; the caller records why and grants the next.
local function drop_lock(sid, resource, outcome)
  local text = call('HGET', P .. 'lock:' .. resource, sid)
  if not text then
    return nil
  end
  local lock = lock_of(resource, text)
  call('HDEL', P .. 'lock:' .. resource, sid)
  call('HDEL', P .. 'held:' .. sid, resource)
  finish_request(sid, lock.requestId, outcome)
  return lock
end

-- A session is over: it leaves its queues, its locks pass to the next waiters. Answers the work done.
local function release_all(s, by)
  local work = 0
  for _, request_id in ipairs(call('HKEYS', P .. 'waits:' .. s.id)) do
    local wait = leave_queue(s.id, request_id)
    forget_if_unused(wait.resource)
    work = work + 1
  end
  for _, resource in ipairs(call('HKEYS', P .. 'held:' .. s.id)) do
    local lock = drop_lock(s.id, resource, 'session_ended')
    record('lock.lost', by, {
      sessionId = s.id, user = user_of(s), resource = resource, fence = lock.fence, reason = 'session_ended',
    })
    work = work + 1 + grant_next(resource)
  end
  call('DEL', P .. 'held:' .. s.id, P .. 'waits:' .. s.id, P .. 'done:' .. s.id, P .. 'doned:' .. s.id)
  return work
end

-- A session is back: what it waits for and is free becomes its own.
local function grant_waits(sid)
  for _, text in ipairs(call('HVALS', P .. 'waits:' .. sid)) do
    grant_next(wait_of(text).resource)
  end
end

local function position_of(resource, sid, request_id)
  return (call('ZRANK', P .. 'waiters:' .. resource, sid .. ':' .. request_id) or 0) + 1
end
