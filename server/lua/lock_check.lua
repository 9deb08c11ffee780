#!lua flags=no-writes
-- Is a lock held with this fence, by a session whose lease runs? Includes: _lib _session _lock
-- ARGV 1 resource · 2 fence · 3 sid, or '' for whoever holds it
-- Answers { valid, lock? }.
local resource, fence = ARGV[1], ARGV[2]
local flat = call('HGETALL', P .. 'lock:' .. resource)
for i = 1, #flat, 2 do
  local lock = lock_of(resource, flat[i + 1])
  if lock.fence == fence and (ARGV[3] == '' or ARGV[3] == flat[i]) then
    lock.requestId = nil
    return cjson.encode({ valid = call('EXISTS', lease_key(flat[i])) == 1, lock = lock })
  end
end
return cjson.encode({ valid = false })
