-- Deadlocks, found at the request that would close the circle. Needs _lib, _session, _tree, _lock, _queue, _holder.
-- A session waits for those whose locks forbid what it asked for, and for those whose older requests do. It waits for
-- all that it asked for. Whoever takes over does not count as waiting: its time is up by itself.

-- A longer circle, or one among more waiters, is not looked for: it ends with the first wait that is over. Looks are at
-- locks and requests; a node costs some besides.
local MAX_DEPTH, MAX_NODES, MAX_LOOKS, NODE_LOOKS = 64, 1000, 1000, 4

-- Whether anybody may wait for a session, or would for what it is about to ask for at the head of a queue.
local function blocks_anybody(s, want, at_head)
  local function has_waiters(resource)
    local _, crowded = queues_around(resource, 'tree')
    return crowded > 0
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
  local at, is_closed, looks, looked_before = 1, false, 0, looked_older
  local function is_enough()
    return looks + looked_older - looked_before > MAX_LOOKS
  end
  local function add_waits(sid, from)
    local depth = from and from.depth + 1 or 1
    local waits = depth <= MAX_DEPTH and call('HGETALL', P .. 'waits:' .. sid) or {}
    looks = looks + #waits / 2
    for i = 1, #waits, 2 do
      local wants = wait_of(waits[i + 1])
      if wants.kind ~= 'takeover' and #nodes < MAX_NODES then
        local ticket = call('ZSCORE', P .. 'waiters:' .. wants.resource, sid .. ':' .. waits[i])
        nodes[#nodes + 1] = { sid = sid, want = wants, ticket = ticket, depth = depth, from = from }
      end
    end
  end
  local function see(other)
    is_closed = other == s.id
    looks = looks + 1
    if not is_closed and not seen[other] then
      seen[other] = true
      add_waits(other, nodes[at])
    end
    return not is_closed and not is_enough()
  end
  -- At the head of a queue others begin to wait for it, and for them whatever its session waits for.
  if at_head then add_waits(s.id) end
  while nodes[at] and not is_enough() do
    local node = nodes[at]
    looks = looks + NODE_LOOKS
    local kind = node.want.mode .. node.want.scope .. node.want.resource
    local is_own = node.sid == s.id
    is_closed = not is_own and (holds_against(s.id, node.want)
      or at_head and overlaps(want, node.want) and tonumber(node.ticket) > tonumber(my_ticket))
    -- What stands before another request of the same kind was looked at for that one.
    local known = looked[kind]
    local is_known = known and (known == '+inf' or tonumber(known) >= tonumber(node.ticket))
    if not is_closed and not is_known then
      -- Not for its own requests: what its session waits for was left out there, and may close the circle.
      if not is_own then looked[kind] = node.ticket end
      if not known then each_against(node.want, node.sid, see) end
      if not is_closed then each_older(node.want, node.sid, node.ticket, see, false, known) end
    end
    if is_closed then return circle_from(node) end
    at = at + 1
  end
  return nil
end
