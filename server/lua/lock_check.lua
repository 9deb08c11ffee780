#!lua flags=no-writes
-- Is a lock held with this fence, by a session whose lease runs? A tree lock above is one of what is below it.
-- Includes: _lib _session _tree _lock
-- ARGV 1 resource · 2 fence · 3 sid, or '' for whoever holds it
-- Answers { valid, lock? }.
local MAX_HOLDERS = 1000
local function check(resource, is_above)
  local key = P .. 'lock:' .. resource
  local flat = ARGV[3] ~= '' and { ARGV[3], call('HGET', key, ARGV[3]) }
    or call('HLEN', key) <= MAX_HOLDERS and call('HGETALL', key) or {}
  for i = 1, #flat, 2 do
    local lock = flat[i + 1] and own_lock(resource, flat[i + 1])
    if lock and lock.fence == ARGV[2] and not (is_above and lock.scope ~= 'tree') then
      return cjson.encode({ valid = call('EXISTS', lease_key(flat[i])) == 1, lock = lock })
    end
  end
  return nil
end
local found = check(ARGV[1])
for _, parent in ipairs(above(ARGV[1])) do
  found = found or check(parent, true)
end
return found or cjson.encode({ valid = false })
