#!lua flags=allow-oom
-- A heartbeat found no lease: is the session still to be had? Includes: _lib _session _lock
-- ARGV 1 sid · 2 node · 3 attach
-- Answers { revived }, { superseded }, { unknown } (its data is lost) or { ended }.
local s = session_of(ARGV[1])
if not s then
  return answer({ unknown = true })
end
if s.state == 'ended' then
  return answer({ ended = true })
end
if s.attach ~= ARGV[3] then
  return answer({ superseded = true })
end
s.node = ARGV[2]
write_lease(s, NOW)
schedule_session(s, NOW + policy('leaseMs'))
grant_waits(s.id)
return answer({ revived = true })
