-- Deadlocks, found at the request that would close the circle. Needs _lib, _session, _tree, _lock, _queue, _holder.
-- A session waits for those whose locks forbid what it asked for, and for those whose older requests do. It waits for
-- all that it asked for. Whoever takes over does not count as waiting: its time is up by itself.

-- A longer circle, or one among more waiters, is not looked for: it ends with the first wait that is over.
local MAX_DEPTH, MAX_NODES = 64, 1000

-- Whether anybody may wait for a session, or would for what it is about to ask for at the head of a queue.
local function blocks_anybody(s, want, at_head)
  local function has_waiters(resource)
    local _, are_empty = queues_around(resource, 'tree')
    return not are_empty
  end
  if call('EXISTS', P .. 'waits:' .. s.id) == 1 or at_head and has_waiters(want.resource) then
    return true
  end
  for _, resource in ipairs(call('HKEYS', P .. 'held:' .. s.id)) do
    if has_waiters(resource) then
      return true
    end
  end
  return false
end

-- Whether two requests have to do with each other by where they are.
local function overlaps(one, other)
  local function is_below(resource, want)
    return want.scope == 'tree' and string.sub(resource, 1, #want.resource + 1) == want.resource .. '/'
  end
  return one.resource == other.resource or is_below(one.resource, other) or is_below(other.resource, one)
end

-- Who waits for whom, from the session that asks to the one that waits for it.
local function circle_from(node)
  local circle = {}
  while node do
    table.insert(circle, 1, {
      sessionId = node.sid, user = user_of(session_of(node.sid)), resource = node.want.resource,
    })
    node = node.from
  end
  return circle
end

-- The circle that this request would close if it had to wait; nil: there is none.
local function cycle_of(s, want, at_head)
  if not blocks_anybody(s, want, at_head) then
    return nil
  end
  local my_ticket = at_head and digits(HEAD + tonumber(call('GET', P .. 'ticket') or '0') + 1) or '+inf'
  local nodes, seen, looked = { { sid = s.id, want = want, ticket = my_ticket, depth = 1 } }, { [s.id] = true }, {}
  local at, is_closed = 1, false
  local function see(other)
    is_closed = other == s.id
    if is_closed or seen[other] then
      return not is_closed
    end
    seen[other] = true
    local depth = nodes[at].depth + 1
    local waits = depth <= MAX_DEPTH and call('HGETALL', P .. 'waits:' .. other) or {}
    for i = 1, #waits, 2 do
      local wants = wait_of(waits[i + 1])
      if wants.kind ~= 'takeover' and #nodes < MAX_NODES then
        local ticket = call('ZSCORE', P .. 'waiters:' .. wants.resource, other .. ':' .. waits[i])
        nodes[#nodes + 1] = { sid = other, want = wants, ticket = ticket, depth = depth, from = nodes[at] }
      end
    end
    return true
  end
  while nodes[at] do
    local node = nodes[at]
    local kind = node.want.mode .. node.want.scope .. node.want.resource
    is_closed = at > 1 and (holds_against(s.id, node.want)
      or at_head and overlaps(want, node.want) and tonumber(node.ticket) > tonumber(my_ticket))
    -- What stands before a younger request of the same kind was looked at for that one.
    local is_known = looked[kind] and (looked[kind] == '+inf' or tonumber(looked[kind]) >= tonumber(node.ticket))
    if not is_closed and not is_known then
      looked[kind] = node.ticket
      each_against(node.want, node.sid, see)
      if not is_closed then each_older(node.want, node.sid, node.ticket, see) end
    end
    if is_closed then return circle_from(node) end
    at = at + 1
  end
  return nil
end
