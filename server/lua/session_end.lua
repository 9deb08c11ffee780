#!lua flags=allow-oom
-- Ends a session by its own person or by the system.
-- Includes: _lib _session _tree _lock _queue _next _release _block _order _end
-- ARGV 1 sid · 2 reason · 3 JSON actor · 4 message · 5 JSON list of live nodes
-- Answers { ended } – false when it had ended before.
local s = session_of(ARGV[1])
if not s then return refuse('not_found') end
if s.state == 'ended' then return answer({ ended = false }) end
end_session(s, ARGV[2], cjson.decode(ARGV[3]), ARGV[4], nil, set_of(cjson.decode(ARGV[5])) or {})
return answer({ ended = true })
