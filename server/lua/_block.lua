-- Blocks: who may not open a session, or not with a token issued before an instant. Needs _lib.
-- blocks        hash  id -> JSON { id, user, untilAt?, notBeforeAt?, reason, message?, by, createdAt }
-- blocks:<uid>  set   ids of the person's blocks
-- due           `b:<id>` at untilAt

local function drop_block(id)
  local text = call('HGET', P .. 'blocks', id)
  if not text then
    return nil
  end
  local block = cjson.decode(text)
  call('HDEL', P .. 'blocks', id)
  call('SREM', P .. 'blocks:' .. block.user, id)
  call('ZREM', P .. 'due', 'b:' .. id)
  return block
end

local function put_block(block, by)
  block.by = by
  block.createdAt = NOW
  call('HSET', P .. 'blocks', block.id, cjson.encode(block))
  call('SADD', P .. 'blocks:' .. block.user, block.id)
  if block.untilAt then
    call('ZADD', P .. 'due', digits(block.untilAt), 'b:' .. block.id)
  end
  record('block.changed', by, {
    reason = block.reason,
    details = { id = block.id, state = 'set', user = block.user, untilAt = block.untilAt,
      notBeforeAt = block.notBeforeAt, message = block.message },
  })
end

-- The block that keeps this person out now, if any. issued_at: when the token was made.
local function block_against(uid, issued_at)
  for _, id in ipairs(call('SMEMBERS', P .. 'blocks:' .. uid)) do
    local text = call('HGET', P .. 'blocks', id)
    local block = text and cjson.decode(text)
    if block and (not block.untilAt or block.untilAt > NOW)
      and (not block.notBeforeAt or issued_at < block.notBeforeAt) then
      return block
    end
  end
  return nil
end
