#!lua flags=no-writes
-- Resources with their holders and queues: one, or a page by name. Includes: _lib _session _lock
-- ARGV 1 first name ('[' or '(' before it) · 2 last name · 3 how many, at most 100
-- Answers { items: [{ resource, holders, waiters }] }.
local MAX_WAITERS = 100
local items = {}
local function waiters_of(resource)
  local waiters = {}
  for position, member in ipairs(call('ZRANGE', P .. 'waiters:' .. resource, 0, MAX_WAITERS - 1)) do
    local sid, request_id = string.match(member, '^([^:]+):(.+)$')
    local s, text = session_of(sid), call('HGET', P .. 'waits:' .. sid, request_id)
    if s and text then
      local wait = wait_of(text)
      waiters[#waiters + 1] = {
        requestId = request_id, sessionId = sid, user = user_of(s), mode = wait.mode, scope = wait.scope,
        position = position, since = wait.since,
      }
    end
  end
  return waiters
end
for _, resource in ipairs(call('ZRANGE', P .. 'locks', ARGV[1], ARGV[2], 'BYLEX', 'LIMIT', 0, ARGV[3])) do
  items[#items + 1] = { resource = resource, holders = holders_of(resource), waiters = waiters_of(resource) }
end
return cjson.encode({ items = items })
