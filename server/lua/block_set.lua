#!lua
-- Keeps a person out: for good, until an instant, or only with tokens issued before an instant. Includes: _lib _block
-- ARGV 1 JSON { id, user, untilAt?, notBeforeAt?, reason, message? } · 2 JSON actor
-- Answers { id }; `rate_limited` beyond 10 000 blocks, or 100 of a person. The same id again: nothing more happens.
local MAX_BLOCKS, MAX_OF_PERSON = 10000, 100
local block = cjson.decode(ARGV[1])
if not block_of(block.id) then
  if call('HLEN', P .. 'blocks') >= MAX_BLOCKS or call('SCARD', P .. 'blocks:' .. block.user) >= MAX_OF_PERSON then
    return refuse('rate_limited', { reason = 'blocks', retryAfterMs = 60000 })
  end
  put_block(block, cjson.decode(ARGV[2]))
end
return answer({ id = block.id })
