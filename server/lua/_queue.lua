-- Who waits for locks, and who is next. Needs _lib, _session, _tree and _lock.
-- waiters:<resource>  zset  sid:requestId by ticket (`ticket` counts them; to upgrade or take over, below zero)
-- waits:<sid>         hash  requestId -> mode|scope|since|resource|note; mode `upgrade` and `takeover`: exclusive ones

-- Most older requests of one list that are looked at for one that a new one would pass.
local MAX_OLDER = 1024
-- The tickets of those at the head begin here.
local HEAD = -1000000000000

local function wait_of(text)
  local kind, scope, since, resource, note = string.match(text, '^(%a+)|(%a+)|(%d+)|([^|]+)|(.*)$')
  return {
    kind = kind, mode = kind == 'shared' and 'shared' or 'exclusive', scope = scope, since = tonumber(since),
    resource = resource, note = note,
  }
end

-- A member of a queue with what it asks for.
local function waiter_of(member)
  local sid, request_id = string.match(member, '^([^:]+):(.+)$')
  local text = call('HGET', P .. 'waits:' .. sid, request_id)
  local want = text and wait_of(text)
  if want then
    want.requestId = request_id
  end
  return sid, want
end

-- What a session waits for, each resource once; nil: nothing.
local function waited_for(sid)
  local seen, names = {}, nil
  for _, text in ipairs(call('HVALS', P .. 'waits:' .. sid)) do
    local resource = wait_of(text).resource
    names = names or {}
    if not seen[resource] then names[#names + 1] = resource end
    seen[resource] = true
  end
  return names
end

-- Resources in whose reach there was no queue but their own: the scope for which that was so.
local alone = {}

-- Every list that a request for a resource stands in, its own queue first.
local function enter_queue(s, want, kind, ticket)
  alone = {}
  local member = s.id .. ':' .. want.requestId
  call('ZADD', P .. 'waiters:' .. want.resource, digits(ticket), member)
  for _, parent in ipairs(above(want.resource)) do
    call('ZADD', P .. 'under:' .. parent, digits(ticket), member)
  end
  call('HSET', P .. 'waits:' .. s.id, want.requestId,
    kind .. '|' .. want.scope .. '|' .. digits(NOW) .. '|' .. want.resource .. '|' .. (want.note or ''))
  call('ZADD', P .. 'locks', 0, want.resource)
end

local function next_ticket(at_head)
  return call('INCR', P .. 'ticket') + (at_head and HEAD or 0)
end

-- Takes a request out of the queue; answers what it asked for (`known`, if that is), nil if it does not wait.
local function leave_queue(sid, request_id, known)
  local member = sid .. ':' .. request_id
  local want = known or select(2, waiter_of(member))
  if not want then
    return nil
  end
  call('HDEL', P .. 'waits:' .. sid, request_id)
  call('ZREM', P .. 'waiters:' .. want.resource, member)
  for _, parent in ipairs(above(want.resource)) do
    call('ZREM', P .. 'under:' .. parent, member)
  end
  call('ZREM', P .. 'due', 'q:' .. member)
  if want.kind == 'takeover' then
    call('DEL', P .. 'takeover:' .. want.resource)
    call('ZREM', P .. 'due', 't:' .. want.resource)
  end
  return want
end

local function forget_if_unused(resource)
  if call('EXISTS', P .. 'lock:' .. resource, P .. 'waiters:' .. resource) == 0 then
    call('ZREM', P .. 'locks', resource)
  end
end

-- A request is over without a grant; `state` says why.
local function deny(sid, want, state, by)
  local s = session_of(sid)
  finish_request(sid, want.requestId, state)
  forget_if_unused(want.resource)
  record('lock.requested', by, { sessionId = sid, user = user_of(s), resource = want.resource,
    details = { requestId = want.requestId, state = state, mode = want.mode, scope = want.scope } })
end

-- Who can use what it is given now: connected, and its lease runs. False: nobody.
local function session_reachable(sid)
  local s = fields_of(session_key(sid), { 'conn', 'state', 'uid', 'name' })
  s.id = sid
  return s.conn == '1' and s.state ~= 'ended' and call('EXISTS', lease_key(sid)) == 1 and s
end

-- Who waits for many resources is looked at once in a script: it may pass on all locks of a session at once.
local reachable = {}
local function is_reachable(sid)
  if reachable[sid] == nil then
    reachable[sid] = session_reachable(sid)
  end
  return reachable[sid]
end

-- The queues whose requests may forbid one for this resource: its own (not `elsewhere`), those above, and for a tree
-- all below; and how many of them have anybody in them.
local function queues_around(resource, scope, elsewhere)
  local keys = { not elsewhere and P .. 'waiters:' .. resource or nil }
  for _, parent in ipairs(above(resource)) do
    keys[#keys + 1] = P .. 'waiters:' .. parent
  end
  if scope == 'tree' then
    keys[#keys + 1] = P .. 'under:' .. resource
  end
  return keys, #keys == 0 and 0 or call('EXISTS', unpack(keys))
end

-- Requests that were looked at for older ones so far.
local looked_older = 0

-- Calls back with each older request of another session that forbids this one, until the answer is false. Those out of
-- reach are passed over. `elsewhere`: its own queue was looked at already; `from`: so was what is before this ticket.
local function each_older(want, sid, ticket, tell, elsewhere, from)
  local around = elsewhere and alone[want.resource]
  if around == 'tree' or around == want.scope then
    return
  end
  local keys, crowded = queues_around(want.resource, want.scope, elsewhere)
  local before_above = elsewhere and 0 or 1
  for i = 1, crowded == 0 and 0 or #keys do
    local is_above = i > before_above and i <= #above(want.resource) + before_above
    for _, member in ipairs(call('ZRANGE', keys[i], from or '-inf', '(' .. ticket, 'BYSCORE', 'LIMIT', 0,
      MAX_OLDER)) do
      local other, older = waiter_of(member)
      looked_older = looked_older + 1
      if older and other ~= sid and modes_conflict(older.mode, want.mode)
        and not (is_above and older.scope ~= 'tree') and is_reachable(other) and tell(other, older) == false then
        return
      end
    end
  end
end

-- One such request, and whose it is; nil: there is none.
local function older_against(want, sid, ticket, elsewhere)
  local first, whose
  each_older(want, sid, ticket, function(other, older)
    first, whose = older, other
    return false
  end, elsewhere)
  return first, whose
end
