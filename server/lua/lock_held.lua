#!lua flags=no-writes
-- What one session holds and waits for. Includes: _lib _session _tree _lock
-- ARGV 1 sid
-- Answers { locks: [lock, with the requestId that it answers, those of upgrades with commas], requests: [requestId] }.
local locks = {}
for _, resource in ipairs(call('HKEYS', P .. 'held:' .. ARGV[1])) do
  locks[#locks + 1] = lock_of(resource, call('HGET', P .. 'lock:' .. resource, ARGV[1]))
end
return cjson.encode({ locks = locks, requests = call('HKEYS', P .. 'waits:' .. ARGV[1]) })
