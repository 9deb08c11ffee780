#!lua flags=allow-oom
-- A node reports that it closed the socket of an ended session; what is proved is verified at once.
-- Includes: _lib _session _tree _lock _queue _next _release _block _order _end
-- ARGV 1 sid · 2 attach · 3 '1' if the client answered `logoff` · 4 JSON list of live nodes
-- Answers {}. Repeated: nothing more happens.
local key = session_key(ARGV[1])
if call('HDEL', key, 'at:' .. ARGV[2]) == 1 then
  if ARGV[3] == '1' then
    call('HSET', key, 'answered', '1')
  end
  if call('HGET', key, 'state') == 'ended' then
    verify_session(ARGV[1], set_of(cjson.decode(ARGV[4])) or {}, false)
  end
end
return answer({})
