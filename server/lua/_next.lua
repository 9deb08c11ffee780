-- Who gets a lock when it is free again. Needs _lib, _session, _tree, _lock and _queue.
-- A request may be granted when no lock of another session and no older request in reach forbids it. So it makes no
-- difference in which order waiters are looked at, and what one script leaves (`g:` in `due`) the sweep can do.

-- Waiters of one queue that are read first, and then; a queue has at most `maxWaitersPerResource`.
local FEW, MANY = 4, 256
-- Grants of one script, and queues below a released tree that it looks at.
local MAX_GRANTS = 25
local MAX_BELOW = 100

local granted, looked_below = 0, 0

-- What granting cost so far, in looks at a session.
local function grant_work()
  return granted * 4 + looked_below
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
  want.before = held_lock(want.resource, sid) or false
  return want.before and want.kind ~= 'upgrade' and want.kind ~= 'takeover'
end

-- Looks at waiters of one queue after a ticket, so many at most. `ahead`: the mode of one that is in reach and cannot
-- have its lock yet. Answers that mode, the last ticket, and whether those behind are to be looked at.
local function serve_some(resource, ahead, after, limit)
  local queue = call('ZRANGE', P .. 'waiters:' .. resource, '(' .. after, '+inf', 'BYSCORE', 'LIMIT', 0, limit,
    'WITHSCORES')
  for i = 1, #queue, 2 do
    local sid, want = waiter_of(queue[i])
    if want and is_reachable(sid) then
      if (ahead and modes_conflict(ahead, want.mode)) or is_held_against(want, sid)
        or older_against(want, sid, queue[i + 1], true) or is_its_own(want, sid) then
        ahead = want.mode
      elseif granted == MAX_GRANTS then
        return ahead, queue[i + 1], false, true
      else
        granted = granted + 1
        leave_queue(sid, want.requestId, want)
        grant(person_of(sid), want, NOW - want.since, want.before)
      end
      if want.mode == 'exclusive' then
        return ahead, queue[i + 1], false
      end
    end
  end
  return ahead, queue[#queue], #queue == limit * 2
end

-- Grants what can be granted in one queue, in its order: shared ones together, nobody before somebody who is in reach
-- and cannot have it yet. False: there is more to be granted than one script may. Mostly the first is the only one.
local function serve(resource)
  local ahead, after, goes_on, is_full = serve_some(resource, nil, '-inf', FEW)
  while goes_on do
    ahead, after, goes_on, is_full = serve_some(resource, ahead, after, MANY)
  end
  return not is_full
end

-- A lock, or a request that others had to wait behind, is gone: whoever can be granted something now is. Looks at the
-- queue of the resource, at those above it for tree locks, and after a tree lock at those below, by age, from a ticket
-- on.
local function unblock(resource, scope, from)
  local _, are_empty = queues_around(resource, scope)
  if are_empty then
    return forget_if_unused(resource)
  end
  local done = from or serve(resource)
  for _, parent in ipairs(from and {} or above(resource)) do
    done = done and serve(parent)
  end
  if not done then
    leave_to_sweep('g:' .. scope .. '::' .. resource)
    return
  end
  -- What was granted may be something above it.
  forget_if_unused(resource)
  local below = scope == 'tree' and call('ZRANGE', P .. 'under:' .. resource, from and '(' .. from or '-inf', '+inf',
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
