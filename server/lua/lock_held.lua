#!lua flags=no-writes
-- The locks one session holds. Includes: _lib _session _lock
-- ARGV 1 sid
-- Answers { locks: [lock] }.
local locks = {}
for resource in pairs(pairs_of(call('HGETALL', P .. 'held:' .. ARGV[1]))) do
  local lock = lock_of(resource, call('HGET', P .. 'lock:' .. resource, ARGV[1]))
  lock.requestId = nil
  locks[#locks + 1] = lock
end
return cjson.encode({ locks = locks })
