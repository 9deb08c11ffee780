#!lua flags=allow-oom
-- A node that lost the answer to an opening or a resumption gives up the socket it may have got by it.
-- Includes: _lib _session _tree _lock _queue _next _release _block _order _end
-- ARGV 1 sid · 2 claim of the attempt · 3 JSON list of live nodes
-- Answers {}. Repeated, or for an attempt that never ran: nothing happens.
local s = session_of(ARGV[1])
if not s then return answer({}) end
local key = session_key(s.id)
for field, value in pairs(pairs_of(call('HGETALL', key))) do
  local attach = string.match(field, '^at:(%d+)$')
  if attach and string.match(value, '|(.*)$') == ARGV[2] then
    call('HDEL', key, field)
    if s.state == 'ended' then
      verify_session(s.id, set_of(cjson.decode(ARGV[3])) or {}, false)
    elseif attach == s.attach then
      save_session(s, { conn = '0' }, SYSTEM)
      pass_over(s.id)
    end
  end
end
return answer({})
