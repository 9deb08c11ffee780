-- Locks: who holds what, and how it is granted. Needs _lib, _session and _tree.
-- lock:<resource>     hash  sid -> mode|scope|fence|grantedAt|requestId|note; the requestId of an upgrade follows with
--                           a comma. The holder of a lock that nobody may have yet (lockDelayMs) has ended
-- held:<sid>          hash  resource -> fence
-- done:<sid>          hash  requestId -> outcome, the last 256; `doned:<sid>` lists them by age
-- locks               zset  every resource with a holder or a waiter, by name
-- doubted             string the highest fence that a loss of data came back without
-- What is asked for is a table everywhere: { resource, mode, scope, requestId, note }.

local KEPT_REQUESTS = 256

-- The node says, behind all that a header names, the highest fence that it saw: every script that can draw one is given
-- it. Data that came back older, on a machine whose clock is behind, goes on from there. What was granted up to it may
-- have been given back in what is lost: whoever asks for it again as theirs gets it anew, for no fence is given out
-- twice.
local last_fence
-- `stood`: the last one in Redis. True: there was a higher one.
local function know_fence(stood)
  local last, seen = tonumber(stood or '0'), ARGV[#ARGV]
  last_fence = math.max(last, tonumber(seen))
  if last_fence > last then
    call('SET', P .. 'doubted', seen)
  end
  return last_fence > last
end

local function raise_fence()
  if not last_fence and know_fence(call('GET', P .. 'fence')) then
    call('SET', P .. 'fence', ARGV[#ARGV])
  end
end

-- Strictly increases, through restarts and the loss of all data: the last + 1, or Redis' microseconds. Mostly those, so
-- they are written as the last one is read.
local function next_fence()
  local written
  if not last_fence then
    know_fence(call('SET', P .. 'fence', digits(US), 'GET'))
    written = US
  end
  last_fence = math.max(last_fence + 1, US)
  if last_fence ~= written then
    call('SET', P .. 'fence', digits(last_fence))
  end
  return digits(last_fence)
end

local function is_doubted(lock)
  raise_fence()
  return tonumber(lock.fence) <= tonumber(call('GET', P .. 'doubted') or '0')
end

local function lock_of(resource, text)
  local mode, scope, fence, granted_at, request_id, note =
    string.match(text, '^(%a+)|(%a+)|(%d+)|(%d+)|([^|]*)|(.*)$')
  return {
    resource = resource, mode = mode, scope = scope, fence = fence, grantedAt = tonumber(granted_at),
    requestId = request_id, note = note ~= '' and note or nil,
  }
end

-- A lock as its holder sees it.
local function own_lock(resource, text)
  local lock = lock_of(resource, text)
  lock.requestId = nil
  return lock
end

local function held_lock(resource, sid)
  local text = call('HGET', P .. 'lock:' .. resource, sid)
  return text and lock_of(resource, text) or nil
end

-- Whether a lock gives what is asked for.
local function covers(lock, want)
  return (lock.mode == 'exclusive' or want.mode == 'shared') and (lock.scope == 'tree' or want.scope == 'record')
end

-- Whose session it is: all that a record needs.
local function person_of(sid)
  local s = fields_of(session_key(sid), { 'uid', 'name' })
  s.id = sid
  return s
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

-- Who takes a resource over and gets its tree meanwhile takes over the tree: it loses nothing of what it has.
local function widen_takeover(sid, resource)
  local t = fields_of(P .. 'takeover:' .. resource, { 'sid', 'requestId' })
  local text = t.sid == sid and call('HGET', P .. 'waits:' .. sid, t.requestId)
  if text then
    call('HSET', P .. 'waits:' .. sid, t.requestId, (string.gsub(text, '^takeover|record|', 'takeover|tree|')))
  end
end

-- Grants what nothing stands against; what the session holds of the same resource becomes it (an upgrade). `waited` is
-- the time in the queue, nil for who is answered at once; `before` what the session holds, if that was looked at;
-- `want.ids` whose requests it is, when what is held is granted anew rather than upgraded.
local function grant(s, want, waited, before)
  local fence, resource, key = next_fence(), want.resource, P .. 'lock:' .. want.resource
  local request_id = want.requestId
  if before == nil then
    before = held_lock(resource, s.id)
  end
  if before then
    mark_lock(resource, s.id, before.mode, before.scope, -1)
    request_id = want.ids or before.requestId .. ',' .. request_id
  end
  unheld[resource] = nil
  call('HSET', key, s.id, table.concat(
    { want.mode, want.scope, fence, digits(NOW), request_id, want.note or '' }, '|'))
  mark_lock(resource, s.id, want.mode, want.scope, 1)
  call('HSET', P .. 'held:' .. s.id, resource, fence)
  -- What somebody waited for, or had already, is listed.
  if not waited and not before then
    call('ZADD', P .. 'locks', 0, resource)
  end
  if want.scope == 'tree' then widen_takeover(s.id, resource) end
  local note = want.note ~= '' and want.note or nil
  record('lock.granted', { kind = 'user', id = s.uid, name = s.name }, {
    sessionId = s.id, user = user_of(s), resource = resource, fence = fence,
    details = {
      requestId = want.requestId, mode = want.mode, scope = want.scope, waited = waited, note = note,
      replaces = before and before.fence or nil,
    },
  })
  return { resource = resource, mode = want.mode, scope = want.scope, fence = fence, grantedAt = NOW, note = note }
end
