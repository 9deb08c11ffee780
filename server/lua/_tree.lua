-- Where locks and waiters stand in the tree of resources. Needs _lib.
-- Whoever holds or waits for something leaves a mark on each resource above it, so that a request looks at the at most
-- eight resources of its path and never at the locks below.
-- marks:<resource>  hash  locks by kind and, after a colon, by session: `S`, `X` tree locks on the resource itself,
--                         shared or exclusive; `s`, `x` locks anywhere below it
-- under:<resource>  zset  sid:requestId of whoever waits for something below it, by ticket

local paths = {}

-- Two locks on the same resource, or a tree lock and one below it, exclude each other unless both are shared.
local function modes_conflict(one, other)
  return one == 'exclusive' or other == 'exclusive'
end

-- The resources above one, nearest first; at most seven.
local function above(resource)
  if not paths[resource] then
    local list, at = {}, string.match(resource, '^(.*)/[^/]*$')
    while at do
      list[#list + 1] = at
      at = string.match(at, '^(.*)/[^/]*$')
    end
    paths[resource] = list
  end
  return paths[resource]
end

local function mark(resource, kind, sid, by)
  local key, own = P .. 'marks:' .. resource, kind .. ':' .. sid
  local left = call('HINCRBY', key, own, by)
  -- A lock of before there were marks has none to take away.
  if left >= 0 and call('HINCRBY', key, kind, by) <= 0 then
    call('HDEL', key, own, kind)
  elseif left <= 0 then
    call('HDEL', key, own)
  end
end

-- Leaves the marks of a lock (by = 1), or takes them away (by = -1).
local function mark_lock(resource, sid, mode, scope, by)
  local kind = mode == 'exclusive' and 'x' or 's'
  if scope == 'tree' then
    mark(resource, string.upper(kind), sid, by)
  end
  for _, parent in ipairs(above(resource)) do
    mark(parent, kind, sid, by)
  end
end

-- Whether locks of others that are marked there forbid a mode. `kinds` is 'SX' or 'sx'.
local function is_marked_against(resource, kinds, mode, sid)
  local shared, exclusive = string.sub(kinds, 1, 1), string.sub(kinds, 2, 2)
  local n = call('HMGET', P .. 'marks:' .. resource, exclusive, exclusive .. ':' .. sid, shared, shared .. ':' .. sid)
  local others = tonumber(n[1] or '0') - tonumber(n[2] or '0')
  if mode == 'exclusive' then
    others = others + tonumber(n[3] or '0') - tonumber(n[4] or '0')
  end
  return others > 0
end

-- Whether one who holds an exclusive lock holds it alone, as it must be; shared ones are many.
local function is_held_exclusively(key)
  return call('HLEN', key) == 1 and string.sub(call('HVALS', key)[1], 1, 9) == 'exclusive'
end

-- Resources whose holder, the only one, is gone since this run began, and whom nobody has been granted.
local unheld = {}

-- Whether locks of other sessions forbid this one. Costs the depth of the path, whatever is locked. Notes in
-- `want.isFree` that nobody at all holds the resource itself.
local function is_held_against(want, sid)
  local key = P .. 'lock:' .. want.resource
  local holders = unheld[want.resource] and 0 or call('HLEN', key)
  want.isFree = holders == 0
  if holders > 0 and holders > call('HEXISTS', key, sid)
    and (want.mode == 'exclusive' or is_held_exclusively(key)) then
    return true
  end
  for _, parent in ipairs(above(want.resource)) do
    if is_marked_against(parent, 'SX', want.mode, sid) then
      return true
    end
  end
  return want.scope == 'tree' and is_marked_against(want.resource, 'sx', want.mode, sid)
end

-- Whether what one other session holds forbids this lock.
local function holds_against(holder, want)
  local function has(resource, kind)
    local n = call('HMGET', P .. 'marks:' .. resource, (kind == 'S' and 'X:' or 'x:') .. holder, kind .. ':' .. holder)
    return n[1] or want.mode == 'exclusive' and n[2]
  end
  local text = call('HGET', P .. 'lock:' .. want.resource, holder)
  if text and (want.mode == 'exclusive' or string.sub(text, 1, 9) == 'exclusive') then
    return true
  end
  for _, parent in ipairs(above(want.resource)) do
    if has(parent, 'S') then return true end
  end
  return want.scope == 'tree' and has(want.resource, 's')
end
