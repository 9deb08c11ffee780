-- Blocks: who may not open a session, or not with a token issued before an instant. Needs _lib.
-- blocks        hash  id -> JSON { id, user, untilAt?, notBeforeAt?, reason, message?, by, createdAt, orders? }
-- blocklist     zset  ids by creation, for pages
-- blocks:<uid>  set   ids of the person's blocks
-- due           `b:<id>` at untilAt
-- What an order keeps a person out for has the ended session's id; `orders` says until when by which order.

local function block_of(id)
  local text = call('HGET', P .. 'blocks', id)
  return text and cjson.decode(text)
end

local function save_block(block)
  call('HSET', P .. 'blocks', block.id, cjson.encode(block))
  if block.untilAt then
    call('ZADD', P .. 'due', digits(block.untilAt), 'b:' .. block.id)
  end
end

local function put_block(block, by)
  block.by = by
  block.createdAt = NOW
  save_block(block)
  call('ZADD', P .. 'blocklist', digits(US), block.id)
  call('SADD', P .. 'blocks:' .. block.user, block.id)
  record('block.changed', by, {
    reason = block.reason,
    details = { id = block.id, state = 'set', user = block.user, untilAt = block.untilAt,
      notBeforeAt = block.notBeforeAt, message = block.message },
  })
end

-- Takes a block away; state: `lifted` by somebody, or `over` by itself.
local function drop_block(block, state, by)
  call('HDEL', P .. 'blocks', block.id)
  call('ZREM', P .. 'blocklist', block.id)
  call('SREM', P .. 'blocks:' .. block.user, block.id)
  call('ZREM', P .. 'due', 'b:' .. block.id)
  record('block.changed', by, {
    reason = block.reason, details = { id = block.id, state = state, user = block.user },
  })
end

-- The block that keeps this person out now, if any: one of the person before one of the token (`stale`), and of
-- those the one that lasts. issued_at: when the token was made.
local function block_against(uid, issued_at)
  local person, stale
  for _, id in ipairs(call('SMEMBERS', P .. 'blocks:' .. uid)) do
    local block = block_of(id)
    if block and (not block.untilAt or block.untilAt > NOW) then
      if not block.notBeforeAt then
        local lasts = person and person.untilAt and (not block.untilAt or block.untilAt > person.untilAt)
        if not person or lasts then person = block end
      elseif issued_at < block.notBeforeAt then
        stale = block
      end
    end
  end
  return person or stale, stale
end

-- What is told of a block to whom it keeps out.
local function told_of(block)
  local stale = block.notBeforeAt ~= nil
  return { untilAt = not stale and block.untilAt or nil, reason = stale and 'stale' or 'blocked', said = block.message }
end

-- Keeps out whom a session under an order was of.
local function deny_by_order(s, o, until_at)
  local block = block_of(s.id) or { id = s.id, user = s.uid, orders = {} }
  block.orders[o.id] = until_at
  if until_at > (block.untilAt or 0) then
    block.untilAt, block.reason, block.message = until_at, o.reason, o.message
    put_block(block, o.by)
  else
    save_block(block)
  end
  return block
end

-- An order keeps nobody out any more; another one over the same session may.
local function allow_by_order(sid, o)
  local block = block_of(sid)
  if not block or not block.orders or not block.orders[o.id] then
    return
  end
  block.orders[o.id] = nil
  local latest = 0
  for _, until_at in pairs(block.orders) do
    latest = math.max(latest, until_at)
  end
  if latest > NOW then
    block.untilAt = latest
    save_block(block)
    call('HSET', P .. 'session:' .. sid, 'denied', digits(latest))
  else
    drop_block(block, 'lifted', o.by)
    call('HDEL', P .. 'session:' .. sid, 'denied')
  end
end

-- A security order cuts: before anything is told of it, the person's tokens of before are refused, and with
-- `reentry` the person is. Once per order and person. Tokens older than a tombstone have expired.
local function cuts(o)
  return o.action == 'logoff' and o.reason == 'security'
end

local function block_by_security(o, uid)
  local function once(kind, until_at, not_before)
    local id = uuid_of(kind .. o.id .. uid)
    local block = block_of(id)
    if not block then
      block = { id = id, user = uid, untilAt = until_at, notBeforeAt = not_before, reason = o.reason,
        message = o.message }
      put_block(block, o.by)
    end
    return block
  end
  local block = once('old', NOW + policy('endedKeepMs'), NOW)
  local deny_ms = tonumber(o.denyMs or '0')
  return deny_ms > 0 and once('all', NOW + deny_ms) or block
end

-- Who stays after all is not kept out either.
local function allow_by_security(o, uid)
  for _, kind in ipairs({ 'old', 'all' }) do
    local block = block_of(uuid_of(kind .. o.id .. uid))
    if block then drop_block(block, 'lifted', SYSTEM) end
  end
end
