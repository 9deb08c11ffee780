-- How locks are given back, and what becomes of them when a session goes or comes back.
-- Needs _lib, _session, _tree, _lock, _queue and _next.

local function position_of(resource, sid, request_id)
  return (call('ZRANK', P .. 'waiters:' .. resource, sid .. ':' .. request_id) or 0) + 1
end

-- An upgrade whose lock is gone can come to nothing.
local function end_upgrades(sid, resource)
  local waits = call('HLEN', P .. 'waits:' .. sid) > 0 and call('HGETALL', P .. 'waits:' .. sid) or {}
  for i = 1, #waits, 2 do
    local want = wait_of(waits[i + 1])
    if want.kind == 'upgrade' and want.resource == resource then
      deny(sid, leave_queue(sid, waits[i]), 'not_held', SYSTEM)
    end
  end
end

-- Takes a lock from its holder; the caller records why, and unblocks others. `outcome`: what its request came to;
-- `known`: the lock, for whom it is not in `held:` any more. One that is only delayed is nobody's request.
local function drop_lock(sid, resource, outcome, known)
  local lock = known or held_lock(resource, sid)
  if not lock then
    return nil
  end
  local is_held = known or call('HDEL', P .. 'held:' .. sid, resource) == 1
  call('HDEL', P .. 'lock:' .. resource, sid)
  unheld[resource] = lock.mode == 'exclusive' or nil
  mark_lock(resource, sid, lock.mode, lock.scope, -1)
  if outcome and is_held then
    for _, request_id in ipairs(split(lock.requestId, ',')) do
      finish_request(sid, request_id, outcome)
    end
    if lock.mode == 'shared' then end_upgrades(sid, resource) end
  end
  return lock
end

-- Whom the loss of a lock concerns; nil: its session is over, and nothing more is recorded of it.
local function concerned_by_loss(sid)
  local s = session_of(sid)
  return s and s.state ~= 'ended' and user_of(s) or nil
end

-- An upgrade is given back: the lock is the shared one again that it was, granted anew.
local function downgrade(s, lock, ids)
  finish_request(s.id, table.remove(ids), 'cancelled')
  grant(s, { resource = lock.resource, mode = 'shared', scope = lock.scope, requestId = ids[1],
    ids = table.concat(ids, ','), note = lock.note }, 0)
  unblock(lock.resource, lock.scope)
end

-- The lock of an ended session may be had again later.
local function delay_lock(sid, resource, delay_ms)
  call('HDEL', P .. 'held:' .. sid, resource)
  call('ZADD', P .. 'due', digits(NOW + delay_ms), 'l:' .. sid .. ':' .. resource)
  return held_lock(resource, sid)
end

-- A session is over: it leaves its queues, its locks pass to the next waiters (or after `delay_ms`). Answers the work
-- done, in looks at a session.
local function release_all(s, by, delay_ms)
  local freed = {}
  if call('EXISTS', P .. 'held:' .. s.id, P .. 'waits:' .. s.id) == 0 then
    call('DEL', P .. 'done:' .. s.id, P .. 'doned:' .. s.id)
    return 0
  end
  for _, request_id in ipairs(call('HKEYS', P .. 'waits:' .. s.id)) do
    freed[#freed + 1] = leave_queue(s.id, request_id)
  end
  for _, resource in ipairs(call('HKEYS', P .. 'held:' .. s.id)) do
    local lock = delay_ms > 0 and delay_lock(s.id, resource, delay_ms) or drop_lock(s.id, resource)
    record('lock.lost', by, {
      sessionId = s.id, user = user_of(s), resource = resource, fence = lock.fence, reason = 'session_ended',
    })
    freed[#freed + 1] = lock
  end
  call('DEL', P .. 'held:' .. s.id, P .. 'waits:' .. s.id, P .. 'done:' .. s.id, P .. 'doned:' .. s.id)
  local before = grant_work()
  for _, gone in ipairs(freed) do
    unblock(gone.resource, gone.scope)
  end
  return #freed + grant_work() - before
end

-- A session is back: what it waits for and may have becomes its own.
local function grant_waits(sid)
  for _, text in ipairs(call('HVALS', P .. 'waits:' .. sid)) do
    local want = wait_of(text)
    if scanned >= MAX_SCANNED or not serve(want.resource) then
      leave_to_sweep('g:' .. want.scope .. '::' .. want.resource)
    end
  end
end

-- A session is out of reach: whoever waits behind it is passed on to by the sweep.
local function pass_over(sid)
  for _, text in ipairs(call('HVALS', P .. 'waits:' .. sid)) do
    local want = wait_of(text)
    leave_to_sweep('g:' .. want.scope .. '::' .. want.resource)
  end
end
