#!lua flags=no-writes
-- The locks one session holds. Includes: _lib _session _tree _lock
-- ARGV 1 sid
-- Answers { locks: [lock] }.
local locks = {}
for _, resource in ipairs(call('HKEYS', P .. 'held:' .. ARGV[1])) do
  locks[#locks + 1] = own_lock(resource, call('HGET', P .. 'lock:' .. resource, ARGV[1]))
end
return cjson.encode({ locks = locks })
