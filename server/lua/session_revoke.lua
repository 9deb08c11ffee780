#!lua flags=allow-oom
-- Ends sessions of one person whose identity provider says that they signed out, in bounded steps.
-- Includes: _lib _session _tree _lock _queue _next _release _block _order _end
-- ARGV 1 uid · 2 sign-in at the provider, '' for all of them · 3 JSON actor · 4 message · 5 JSON list of live nodes
--      6 cursor ('-inf' or the last place seen)
-- Answers { ended, cursor? }; with a cursor there may be more.
local STEP, MAX_WORK = 25, 100
local by, live = cjson.decode(ARGV[3]), set_of(cjson.decode(ARGV[5])) or {}

-- A session that does not tell its sign-in may be of the one that is over.
local function is_meant(sid)
  local sign_in = call('HGET', session_key(sid), 'signIn') or ''
  return ARGV[2] == '' or sign_in == '' or sign_in == ARGV[2]
end

local from = ARGV[6] == '-inf' and '-inf' or '(' .. ARGV[6]
local rows = call('ZRANGE', P .. 'user:' .. ARGV[1], from, '+inf', 'BYSCORE', 'LIMIT', 0, STEP, 'WITHSCORES')
local ended, work, looked = 0, 0, 0
while looked < #rows and work < MAX_WORK do
  local s = session_of(rows[looked + 1])
  if s and s.state ~= 'ended' and is_meant(s.id) then
    work = work + end_session(s, 'revoked', by, ARGV[4], nil, live)
    ended = ended + 1
  end
  looked = looked + 2
end
local more = looked < #rows or #rows == 2 * STEP
return answer({ ended = ended, cursor = more and rows[looked] or nil })
