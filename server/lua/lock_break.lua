#!lua flags=allow-oom
-- An administrator takes a lock from whoever holds it; the next waiters get it.
-- Includes: _lib _session _tree _lock _queue _next _release
-- ARGV 1 resource · 2 reason · 3 JSON actor
-- Answers { broken: [sid], more } – of many who share it, so many in a script – or `not_found`.
local MAX_BROKEN = 50
local resource, by, broken, scope = ARGV[1], cjson.decode(ARGV[3]), {}, 'record'
local holders = call('HKEYS', P .. 'lock:' .. resource)
if #holders == 0 then return refuse('not_found') end
for i = 1, math.min(#holders, MAX_BROKEN) do
  local lock, loser = drop_lock(holders[i], resource, 'broken'), concerned_by_loss(holders[i])
  if lock.scope == 'tree' then scope = 'tree' end
  record('lock.broken', by, { sessionId = loser and holders[i], user = loser, resource = resource,
    fence = lock.fence, reason = ARGV[2] })
  broken[i] = holders[i]
end
unblock(resource, scope)
return answer({ broken = broken, more = #holders > #broken })
