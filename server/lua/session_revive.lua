#!lua flags=allow-oom
-- A heartbeat found no lease, or not its socket's: is the session still to be had?
-- Includes: _lib _session _tree _lock _queue _next _release
-- ARGV 1 sid · 2 node · 3 attach · 4 idleMs · 5 dirty ('', '0', '1') · 6 view ('' unchanged, else '=' .. view)
--      7 claim, by which the node knows this socket
-- Answers { revived }, { superseded }, { unknown } (its data is lost) or { ended }.

-- The session was resumed in what is lost: it goes on over this socket.
local function take_socket(s, node, attach, claim)
  local from = s.state
  s.attach, s.conn = attach, '1'
  s.state = state_of(s)
  call('HSET', session_key(s.id), 'attach', attach, 'node', node, 'at:' .. attach, node .. '|' .. claim,
    'conn', '1', 'state', s.state)
  record('session.resumed', { kind = 'user', id = s.uid, name = s.name }, {
    sessionId = s.id, user = user_of(s),
    details = { node = node, attach = tonumber(attach), from = from, to = s.state },
  })
end

local s = session_of(ARGV[1])
if not s then
  return answer({ unknown = true })
end
if s.state == 'ended' then
  return answer({ ended = true })
end
if is_superseded(s, ARGV[3]) then
  return answer({ superseded = true })
end
notice_gap()
if s.attach ~= ARGV[3] then take_socket(s, ARGV[2], ARGV[3], ARGV[7]) end
s.node = ARGV[2]
s.lastInputAt = math.max(tonumber(s.lastInputAt), NOW - tonumber(ARGV[4]))
if ARGV[5] ~= '' then s.dirty = ARGV[5] end
if ARGV[6] ~= '' then s.view = string.sub(ARGV[6], 2) end
begin_lease(s)
grant_waits(s.id)
return answer({ revived = true })
