#!lua flags=allow-oom
-- A node reports that it closed the sockets of ended sessions, at most 25; what is proved is verified at once.
-- Includes: _lib _session _tree _lock _queue _next _release _block _order _end
-- ARGV 1 JSON list of live nodes · then per session: sid · attach · '1' if the client answered `logoff`
-- Answers {}. Repeated: nothing more happens.
local live = set_of(cjson.decode(ARGV[1])) or {}
for i = 2, #ARGV, 3 do
  local key = session_key(ARGV[i])
  if call('HDEL', key, 'at:' .. ARGV[i + 1]) == 1 then
    if ARGV[i + 2] == '1' then
      call('HSET', key, 'answered', '1')
    end
    if call('HGET', key, 'state') == 'ended' then
      verify_session(ARGV[i], live, false)
    end
  end
end
return answer({})
