-- Who gets a lock when it is free again. Needs _lib, _session, _tree, _lock and _queue.
-- A request may be granted when no lock of another session and no older request in reach forbids it. So it makes no
-- difference in which order waiters are looked at, and what one script leaves (`g:` in `due`) the sweep can do.

-- Waiters of one queue that are read first, and then; a queue has at most `maxWaitersPerResource`.
local FEW, MANY = 4, 256
-- Grants of one script, and queues below a released tree that it looks at.
local MAX_GRANTS = 25
local MAX_BELOW = 100
-- Waiters that one script looks at before it leaves further queues to the sweep: many may be out of reach.
local MAX_SCANNED = 500

local granted, looked_below, scanned = 0, 0, 0
-- Resources that were granted to somebody.
local given = {}

-- What granting cost so far, in looks at a session.
local function grant_work()
  return granted * 4 + looked_below
end

-- What looking at waiters cost so far, likewise.
local function scan_work()
  return math.floor(scanned / 8)
end

-- Leaves work to the sweep of any node, which is to come at once.
local function leave_to_sweep(member)
  call('ZADD', P .. 'due', digits(NOW), member)
  local swept_at = string.match(call('GET', P .. 'swept') or '', '^%d+$')
  if swept_at then
    call('SET', P .. 'swept', swept_at .. '+')
  end
end

-- Whether the session has the lock already by another request, and this one is for after it.
local function is_its_own(want, sid)
  want.before = not want.isFree and held_lock(want.resource, sid) or false
  return want.before and want.kind ~= 'upgrade' and want.kind ~= 'takeover'
end

-- Whether a request waits for what others hold, for older ones of others in other queues (or in its own, too), or for
-- its own session to give the lock back.
local function has_to_wait(want, sid, ticket, elsewhere)
  return is_held_against(want, sid) or older_against(want, sid, ticket, elsewhere) or is_its_own(want, sid)
end

-- Grants what need not wait. False: one script may not grant so much.
local function give(want, sid)
  if granted == MAX_GRANTS then
    return false
  end
  granted = granted + 1
  leave_queue(sid, want.requestId, want)
  given[want.resource] = true
  grant(is_reachable(sid), want, NOW - want.since, want.before)
  return true
end

-- Behind an exclusive request nobody else can have the lock, granted or not; its own session does not wait for itself.
-- If one of its requests has to wait, so have the younger ones of the same kind. `known`: 1 if the request ahead is
-- still one of its waits, else 0.
local function serve_own(resource, sid, after, known)
  if call('HLEN', P .. 'waits:' .. sid) <= known then
    return true
  end
  local queue = call('ZRANGE', P .. 'waiters:' .. resource, '(' .. after, '+inf', 'BYSCORE', 'LIMIT', 0, MAX_OLDER,
    'WITHSCORES')
  local prefix, waiting = sid .. ':', {}
  for i = 1, #queue, 2 do
    local want = string.sub(queue[i], 1, #prefix) == prefix and select(2, waiter_of(queue[i]))
    local kind = want and want.kind .. want.scope
    if kind and not waiting[kind] then
      waiting[kind] = has_to_wait(want, sid, queue[i + 1])
      if not waiting[kind] and not give(want, sid) then
        return false
      end
    end
  end
  return true
end

-- Looks at waiters of one queue after a ticket, so many at most. `readers`: who is in reach ahead and cannot read yet:
-- nil nobody, a session, '' several. Answers that, the last ticket, whether those behind are to be looked at, and
-- whether there is more to be granted than one script may.
local function serve_some(resource, readers, after, limit)
  local queue = call('ZRANGE', P .. 'waiters:' .. resource, '(' .. after, '+inf', 'BYSCORE', 'LIMIT', 0, limit,
    'WITHSCORES')
  for i = 1, #queue, 2 do
    local sid, want = waiter_of(queue[i])
    scanned = scanned + 1
    if want and is_reachable(sid) then
      local is_writer, still = want.mode == 'exclusive', 0
      if is_writer and readers and readers ~= sid or has_to_wait(want, sid, queue[i + 1], true) then
        still, readers = 1, (readers or sid) == sid and sid or ''
      elseif not give(want, sid) then
        return readers, queue[i + 1], false, true
      end
      if is_writer then
        return readers, queue[i + 1], false, not serve_own(resource, sid, queue[i + 1], still)
      end
    end
  end
  return readers, queue[#queue], #queue == limit * 2
end

-- Grants what can be granted in one queue, in its order: shared ones together, nobody before somebody else who is in
-- reach and cannot have it yet. False: there is more to be granted than one script may; and whether anybody was in it.
-- Mostly the first is the only one.
local function serve(resource)
  local readers, after, goes_on, is_full = serve_some(resource, nil, '-inf', FEW)
  local was_used = after ~= nil
  while goes_on do
    readers, after, goes_on, is_full = serve_some(resource, readers, after, MANY)
  end
  return not is_full, was_used
end

-- A lock, or a request that others had to wait behind, is gone: whoever can be granted something now is. Looks at the
-- queue of the resource, at those above it for tree locks, and after a tree lock at those below, by age, from a ticket
-- on.
local function unblock(resource, scope, from)
  local _, crowded = queues_around(resource, scope)
  if crowded == 0 then
    return forget_if_unused(resource)
  end
  -- A queue is looked at as a whole or not at all, so that each script gets on.
  if scanned >= MAX_SCANNED then
    return leave_to_sweep('g:' .. scope .. ':' .. (from or '') .. ':' .. resource)
  end
  local done, is_alone = from, false
  if not from then
    if crowded == 1 then alone[resource] = scope end
    local was_used
    done, was_used = serve(resource)
    is_alone = crowded == 1 and was_used
  end
  for _, parent in ipairs((from or is_alone) and {} or above(resource)) do
    done = done and serve(parent)
  end
  if not done then
    leave_to_sweep('g:' .. scope .. '::' .. resource)
    return
  end
  -- What was granted may be something above it alone.
  if not given[resource] then
    forget_if_unused(resource)
  end
  local has_below = scope == 'tree' and not is_alone
  local below = has_below and call('ZRANGE', P .. 'under:' .. resource, from and '(' .. from or '-inf', '+inf',
    'BYSCORE', 'LIMIT', 0, MAX_BELOW + 1, 'WITHSCORES') or {}
  local served = {}
  for i = 1, #below, 2 do
    local _, want = waiter_of(below[i])
    local is_new = want and not served[want.resource]
    if is_new and (looked_below == MAX_BELOW or not serve(want.resource)) or i > MAX_BELOW * 2 then
      leave_to_sweep('g:tree:' .. (below[i - 1] or from or '') .. ':' .. resource)
      break
    end
    if is_new then
      served[want.resource] = true
      looked_below = looked_below + 1
    end
  end
end
