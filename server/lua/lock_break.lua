#!lua flags=allow-oom
-- An administrator takes a lock from whoever holds it; the next waiter gets it. Includes: _lib _session _lock
-- ARGV 1 resource · 2 reason · 3 JSON actor
-- Answers { broken: [sid] } or `not_found`.
local resource, by = ARGV[1], cjson.decode(ARGV[3])
local holders = call('HKEYS', P .. 'lock:' .. resource)
if #holders == 0 then return refuse('not_found') end
for _, sid in ipairs(holders) do
  local lock = drop_lock(sid, resource, 'broken')
  record('lock.broken', by, { sessionId = sid, user = user_of(session_of(sid)), resource = resource,
    fence = lock.fence, reason = ARGV[2] })
end
grant_next(resource)
return answer({ broken = holders })
