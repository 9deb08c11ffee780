#!lua flags=no-writes
-- Resources with their holders and queues: one, or a page by name. Includes: _lib _session _tree _lock _queue _holder
-- ARGV 1 first name ('[' or '(' before it) · 2 last name · 3 how many resources, at most 100
-- Answers { items: [{ resource, holders, waiters }], more }. It stops early when it named many people.
local MAX_WAITERS, MAX_PEOPLE = 100, 150
local items, people = {}, 0
local function waiters_of(resource)
  local waiters = {}
  for position, member in ipairs(call('ZRANGE', P .. 'waiters:' .. resource, 0, MAX_WAITERS - 1)) do
    local sid, want = waiter_of(member)
    local s = want and session_of(sid)
    if s then
      local taken_at = want.kind == 'takeover' and call('HGET', P .. 'takeover:' .. resource, 'deadlineAt')
      waiters[#waiters + 1] = {
        requestId = want.requestId, sessionId = sid, user = user_of(s), mode = want.mode, scope = want.scope,
        position = position, since = want.since,
        takesOverAt = taken_at and tonumber(taken_at) or nil,
      }
    end
  end
  return waiters
end
local names = call('ZRANGE', P .. 'locks', ARGV[1], ARGV[2], 'BYLEX', 'LIMIT', 0, ARGV[3])
for _, resource in ipairs(names) do
  local entry = { resource = resource, holders = holders_of(resource), waiters = waiters_of(resource) }
  items[#items + 1] = entry
  people = people + #entry.holders + #entry.waiters
  if people >= MAX_PEOPLE then break end
end
return cjson.encode({ items = items, more = #items < #names or #names == tonumber(ARGV[3]) })
