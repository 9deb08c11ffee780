-- Taking a lock from its holder. Needs _lib, _session, _tree, _lock, _queue, _next and _release.
-- Who takes over waits at the head of the queue while the holders have time to answer and to save (`t:` in `due`).
-- takeover:<resource>  hash  sid and requestId of who takes over, `deadlineAt`, `why`, and `h:<sid>` for each holder
--                            that was asked: '' or 'yield'

-- Most holders that are asked at once.
local MAX_ASKED = 64

local function takeover_of(resource)
  local flat = call('HGETALL', P .. 'takeover:' .. resource)
  if #flat == 0 then
    return nil
  end
  local t = { asked = {} }
  for i = 1, #flat, 2 do
    local holder = string.match(flat[i], '^h:(.+)$')
    if holder then
      t.asked[holder] = flat[i + 1]
    else
      t[flat[i]] = flat[i + 1]
    end
  end
  t.deadlineAt = tonumber(t.deadlineAt)
  return t
end

-- What somebody gets who takes over from these holders: an exclusive lock, on the tree if that is what they have of it
-- already, or what one holder had alone and nothing below stands against.
local function spoils_of(resource, holders, sid, request_id)
  local own, lock = held_lock(resource, sid), #holders == 1 and held_lock(resource, holders[1])
  local is_tree = own and own.scope == 'tree' or lock and lock.mode == 'exclusive' and lock.scope == 'tree'
    and not is_marked_against(resource, 'sx', 'exclusive', sid)
  return { resource = resource, mode = 'exclusive', scope = is_tree and 'tree' or 'record', requestId = request_id }
end

-- Who holds a resource besides one session, at most one more than may be asked.
local function other_holders(resource, sid)
  local key, others = P .. 'lock:' .. resource, {}
  local fields = call('HLEN', key) <= MAX_ASKED + 1 and call('HKEYS', key)
    or call('HRANDFIELD', key, MAX_ASKED + 2)
  for _, holder in ipairs(fields) do
    if holder ~= sid then others[#others + 1] = holder end
  end
  return others
end

-- Whether anything else than the locks on the resource itself is in the way.
local function is_held_around(want, sid)
  for _, parent in ipairs(above(want.resource)) do
    if is_marked_against(parent, 'SX', want.mode, sid) then return true end
  end
  return want.scope == 'tree' and is_marked_against(want.resource, 'sx', want.mode, sid)
end

-- Revokes and grants in one step. how: `takeover` or `idle`; details go into the record of each loss.
local function take_from(holders, s, want, how, details, waited)
  local by, scope = { kind = 'user', id = s.uid, name = s.name }, 'record'
  details.requestId = want.requestId
  for _, holder in ipairs(holders) do
    local lock = drop_lock(holder, want.resource, 'taken_over')
    if lock.scope == 'tree' then scope = 'tree' end
    local loser = concerned_by_loss(holder)
    record('lock.taken_over', by, { sessionId = loser and holder, user = loser, resource = want.resource,
      fence = lock.fence, reason = how, details = details })
  end
  local lock = grant(s, want, waited)
  unblock(want.resource, scope)
  return lock
end

-- Asks the holders; those that are idle have yielded. Answers until when they have time.
local function ask_holders(s, want, why, holders, idle)
  local deadline, key = NOW + policy('takeoverMs'), P .. 'takeover:' .. want.resource
  enter_queue(s, want, 'takeover', next_ticket(true))
  call('HSET', key, 'sid', s.id, 'requestId', want.requestId, 'deadlineAt', digits(deadline), 'why', why)
  for _, holder in ipairs(holders) do
    call('HSET', key, 'h:' .. holder, idle[holder] and 'yield' or '')
  end
  call('ZADD', P .. 'due', digits(deadline), 't:' .. want.resource)
  record('lock.requested', { kind = 'user', id = s.uid, name = s.name }, {
    sessionId = s.id, user = user_of(s), resource = want.resource, reason = why ~= '' and why or nil,
    details = { requestId = want.requestId, state = 'asked', deadlineAt = deadline, holders = holders,
      position = position_of(want.resource, s.id, want.requestId) },
  })
  return deadline
end

-- The taking over comes to nothing; the caller unblocks those who waited behind it. state: `kept` by a holder, or
-- `refused`: what is in the way was never asked for, or whoever takes over is out of reach.
local function drop_takeover(t, state, by)
  local want = leave_queue(t.sid, t.requestId)
  deny(t.sid, want, state, by)
  return want
end

local function end_takeover(t, state, by)
  local want = drop_takeover(t, state, by)
  unblock(want.resource, want.scope)
end

-- The time is up, or all have yielded: the locks of those that were asked pass on. What is kept back (lockDelayMs),
-- because its session fell silent meanwhile, is waited for.
local function settle_takeover(resource, t)
  local holders = other_holders(resource, t.sid)
  local want = spoils_of(resource, holders, t.sid, t.requestId)
  local can = is_reachable(t.sid) and not is_held_around(want, t.sid)
  local free_at = 0
  for _, holder in ipairs(holders) do
    can = can and t.asked[holder] ~= nil
    free_at = math.max(free_at, tonumber(call('ZSCORE', P .. 'due', 'l:' .. holder .. ':' .. resource) or '0'))
  end
  if not can then
    return end_takeover(t, 'refused', SYSTEM)
  end
  if free_at > 0 then
    return call('ZADD', P .. 'due', digits(free_at), 't:' .. resource)
  end
  local since = leave_queue(t.sid, t.requestId).since
  local why = t.why ~= '' and t.why or nil
  take_from(holders, session_of(t.sid), want, 'takeover', { why = why }, NOW - since)
end

-- What others ask of a session, for its welcome.
local function asked_of(sid)
  local list = {}
  for _, resource in ipairs(call('HKEYS', P .. 'held:' .. sid)) do
    local t = call('HGET', P .. 'takeover:' .. resource, 'h:' .. sid) == '' and takeover_of(resource)
    local taker = t and session_of(t.sid)
    if taker then
      list[#list + 1] = {
        requestId = t.requestId, resource = resource, deadlineAt = t.deadlineAt, reason = t.why ~= '' and t.why or nil,
        by = { kind = 'user', id = taker.uid, name = taker.name },
      }
    end
  end
  return list
end
