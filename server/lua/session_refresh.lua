#!lua flags=allow-oom
-- A fresh token of the same person prolongs a session. Includes: _lib _session
-- ARGV 1 sid · 2 uid · 3 token expiry (ms)
-- Answers { expiresInMs }, `forbidden` (another person's token) or `session_ended`.
local s = session_of(ARGV[1])
if not s or s.state == 'ended' then return refuse('session_ended') end
if s.uid ~= ARGV[2] then return refuse('forbidden') end
s.tokenAt, s.tokenTold = ARGV[3], '0'
call('HSET', session_key(s.id), 'tokenAt', ARGV[3], 'tokenTold', '0')
local lease = lease_of(s.id)
if lease then s.lastInputAt = lease.lastInputAt end
schedule_session(s, NOW + math.max(1, call('PTTL', lease_key(s.id))))
record('session.state', { kind = 'user', id = s.uid, name = s.name }, {
  sessionId = s.id, user = user_of(s), details = { tokenExpiresAt = tonumber(ARGV[3]), refreshed = true },
})
return answer({ expiresInMs = tonumber(ARGV[3]) - NOW })
