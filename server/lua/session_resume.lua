#!lua flags=allow-oom
-- Gives a live session a new socket; the older one is superseded.
-- Includes: _lib _session _role _tree _lock _queue _next _release _takeover _block _order _ending _welcome
-- ARGV 1 sid · 2 node · 3 SHA-256 of the resume key (hex) · 4 token expiry (ms) · 5 uid · 6 address
--      7 name and 8 JSON roles, which the token may say anew · 9 claim, by which the node knows this attempt
--      10 token issued (ms)
-- Answers welcome facts, { unknown }, `forbidden` (wrong key or person), `blocked` (an older token), or `session_ended`
-- with { ended }.
local sid, node = ARGV[1], ARGV[2]

-- Looks at every character, so that the time taken says nothing of where the first difference is.
local function same(a, b)
  if #a ~= #b then return false end
  local difference = 0
  for i = 1, #a do
    difference = bit.bor(difference, bit.bxor(string.byte(a, i), string.byte(b, i)))
  end
  return difference == 0
end

local known = fields_of(session_key(sid),
  { 'uid', 'keyHash', 'state', 'reason', 'by', 'message', 'endedAt', 'orderId' })
if not known.uid then
  return answer({ unknown = true })
end
if not same(known.keyHash, ARGV[3]) or known.uid ~= ARGV[5] then
  return refuse('forbidden')
end
if known.state == 'ended' then
  return refuse('session_ended', { ended = {
    reason = known.reason, by = cjson.decode(known.by), message = known.message ~= '' and known.message or nil,
    endedAt = tonumber(known.endedAt), orderId = known.orderId ~= '' and known.orderId or nil,
  } })
end

local _, stale = block_against(known.uid, tonumber(ARGV[10]))
if stale then return refuse('blocked', told_of(stale)) end

notice_gap()
local s = session_of(sid)
local lease = lease_of(sid)
if lease then
  s.lastInputAt, s.dirty, s.view = lease.lastInputAt, lease.dirty, lease.view
end
-- Strictly increases, as fences do: what was given out in data that is lost is not given out again.
s.attach = digits(math.max(tonumber(s.attach) + 1, NOW))
s.node = node
call('HSET', session_key(sid), 'attach', s.attach, 'node', node, 'at:' .. s.attach, node .. '|' .. ARGV[9],
  'address', ARGV[6],
  'name', ARGV[7], 'roles', ARGV[8], 'tokenAt', ARGV[4], 'tokenTold', '0')
index_role(sid, ARGV[8])
s.name, s.tokenAt, s.tokenTold = ARGV[7], ARGV[4], '0'
local from = s.state
s.conn = '1'
s.state = state_of(s)
call('HSET', session_key(sid), 'conn', '1', 'state', s.state)
note_token(s)
begin_lease(s)
record('session.resumed', { kind = 'user', id = s.uid, name = s.name }, {
  sessionId = sid, user = user_of(s), details = { node = node, attach = tonumber(s.attach), from = from, to = s.state },
})
grant_waits(sid)
return answer(welcome_of(s))
