#!lua
-- Keeps a person out: for good, until an instant, or only with tokens issued before an instant. Includes: _lib _block
-- ARGV 1 JSON { id, user, untilAt?, notBeforeAt?, reason, message? } · 2 JSON actor
-- Answers { id }; `rate_limited` beyond 10 000 blocks. The same id again: nothing more happens.
local MAX_BLOCKS = 10000
local block = cjson.decode(ARGV[1])
if call('HEXISTS', P .. 'blocks', block.id) == 0 then
  if call('HLEN', P .. 'blocks') >= MAX_BLOCKS then
    return refuse('rate_limited', { retryAfterMs = 60000 })
  end
  put_block(block, cjson.decode(ARGV[2]))
end
return answer({ id = block.id })
