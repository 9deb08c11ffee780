#!lua flags=allow-oom
-- A heartbeat found no lease: is the session still to be had? Includes: _lib _session _tree _lock _queue _next _release
-- ARGV 1 sid · 2 node · 3 attach · 4 idleMs · 5 dirty ('', '0', '1') · 6 view ('' unchanged, else '=' .. view)
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
notice_gap()
s.node = ARGV[2]
s.lastInputAt = math.max(tonumber(s.lastInputAt), NOW - tonumber(ARGV[4]))
if ARGV[5] ~= '' then s.dirty = ARGV[5] end
if ARGV[6] ~= '' then s.view = string.sub(ARGV[6], 2) end
begin_lease(s)
grant_waits(s.id)
return answer({ revived = true })
