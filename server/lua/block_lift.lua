#!lua flags=allow-oom
-- Lets a person in again. Includes: _lib _block
-- ARGV 1 id · 2 JSON actor
-- Answers { lifted } or `not_found`.
local block = block_of(ARGV[1])
if not block then return refuse('not_found') end
drop_block(block, 'lifted', cjson.decode(ARGV[2]))
return answer({ lifted = true })
