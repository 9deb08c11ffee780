#!lua flags=allow-oom
-- Lets a person in again. Includes: _lib _block
-- ARGV 1 id · 2 JSON actor
-- Answers { lifted } or `not_found`.
local block = drop_block(ARGV[1])
if not block then return refuse('not_found') end
record('block.changed', cjson.decode(ARGV[2]), { reason = block.reason,
  details = { id = block.id, state = 'lifted', user = block.user } })
return answer({ lifted = true })
