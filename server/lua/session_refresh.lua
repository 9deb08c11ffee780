#!lua flags=allow-oom
-- A fresh token of the same person prolongs a session.
-- Includes: _lib _session _role _block _order _ending
-- ARGV 1 sid · 2 uid · 3 token expiry (ms) · 4 name · 5 JSON roles · 6 token issued (ms)
-- Answers { expiresInMs }, `forbidden` (another person's token), `blocked` (an older token), `session_ended`, or
-- `unavailable` while the session's data is lost: the next heartbeat opens it anew.
local s = session_of(ARGV[1])
if not s then return refuse('unavailable', { retryAfterMs = policy('beatMs') }) end
if s.state == 'ended' then return refuse('session_ended') end
if s.uid ~= ARGV[2] then return refuse('forbidden') end
local _, stale = block_against(s.uid, tonumber(ARGV[6]))
if stale then return refuse('blocked', told_of(stale)) end
s.name, s.tokenAt, s.tokenTold = ARGV[4], ARGV[3], '0'
call('HSET', session_key(s.id), 'name', ARGV[4], 'roles', ARGV[5], 'tokenAt', ARGV[3], 'tokenTold', '0')
index_role(s.id, ARGV[5])
note_token(s)
local lease = lease_of(s.id)
if lease then
  s.lastInputAt = lease.lastInputAt
  schedule_session(s, NOW + call('PTTL', lease_key(s.id)))
end
record('session.state', { kind = 'user', id = s.uid, name = s.name }, {
  sessionId = s.id, user = user_of(s), details = { tokenExpiresAt = tonumber(ARGV[3]), refreshed = true },
})
return answer({ expiresInMs = tonumber(ARGV[3]) - NOW })
