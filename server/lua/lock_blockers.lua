#!lua flags=no-writes
-- Who stands in the way of what a session waited for, now. Includes: _lib _session _tree _lock _queue _holder
-- ARGV 1 sid · 2 resource · 3 mode · 4 scope
-- Answers { blockers }.
local want = { resource = ARGV[2], mode = ARGV[3], scope = ARGV[4] }
return cjson.encode({ blockers = blockers_of(want, ARGV[1], older_against(want, ARGV[1], '+inf')) })
