#!lua
-- Opens a session, or refuses it.
-- Includes: _lib _session _tree _lock _queue _next _release _takeover _block _order _ladder _target _role _guard
--   _ending _admit _welcome
-- ARGV 1 sid · 2 node · 3 SHA-256 of the resume key (hex) · 4 token expiry (ms) · 5 token issued (ms)
--      6 JSON { uid, name, roles, signIn?, app?, device?, attributes?, address } · 7 attach: 1, or the socket's number
--      when a session whose data was lost is opened anew · 8 claim, by which the node knows this attempt
-- Answers welcome facts, or `blocked`, `maintenance`, `session_limit`. Repeated with the same sid and key: the same
-- session, or `superseded` when it went on over a newer socket meanwhile.
local sid, node, key_hash, attach = ARGV[1], ARGV[2], ARGV[3], ARGV[7]
local who = cjson.decode(ARGV[6])

local known = fields_of(session_key(sid), { 'uid', 'keyHash', 'state' })
if known.uid then
  if known.keyHash ~= key_hash or known.state == 'ended' then
    return refuse('conflict')
  end
  local s = session_of(sid)
  -- Else two sockets would be known by one number, and the older one's end would be taken for the newer one's.
  if is_superseded(s, attach) then return refuse('superseded') end
  return answer(welcome_of(s))
end

local code, extras = admission_refusal(who, tonumber(ARGV[5]))
if code then return refuse(code, extras) end

notice_gap()
local last = call('ZRANGE', P .. 'sessions', 0, 0, 'REV', 'WITHSCORES')
local place = digits(math.max(US, tonumber(last[2] or 0) + 1))
local s = {
  id = sid, uid = who.uid, name = who.name, conn = '1', idle = '0', saving = '0', attach = attach, node = node,
  lastInputAt = NOW, dirty = '0', view = '', tokenAt = ARGV[4], orders = '', deadlineOrder = '', deadlineAt = '0',
  roles = cjson.encode(who.roles), appName = who.app and who.app.name or '', state = 'active',
  openedAt = NOW, byPolicy = '',
}
call('HSET', session_key(sid), 'uid', s.uid, 'name', s.name, 'roles', s.roles, 'state', s.state,
  'app', who.app and cjson.encode(who.app) or '', 'appName', s.appName,
  'device', who.device and cjson.encode(who.device) or '',
  'attributes', who.attributes and cjson.encode(who.attributes) or '', 'address', who.address,
  'signIn', who.signIn or '',
  'conn', '1', 'idle', '0', 'saving', '0', 'attach', attach, 'node', node, 'at:' .. attach, node .. '|' .. ARGV[8],
  'keyHash', key_hash,
  'openedAt', digits(NOW), 'place', place, 'lastInputAt', digits(NOW), 'dirty', '0', 'view', '',
  'tokenAt', ARGV[4], 'issuedAt', ARGV[5], 'orders', '', 'deadlineAt', '0', 'deadlineOrder', '')
call('ZADD', P .. 'sessions', place, sid)
call('ZADD', P .. 'user:' .. s.uid, place, sid)
index_role(sid, s.roles)
begin_lease(s)
record('session.opened', { kind = 'user', id = s.uid, name = s.name }, {
  sessionId = sid, user = user_of(s),
  details = { node = node, attach = tonumber(attach), app = who.app, device = who.device, address = who.address },
})

note_input(s, NOW)

for _, oid in ipairs(call('ZRANGE', P .. 'open', 0, -1)) do
  local o = order_of(oid)
  if o and hits(oid)(s) and not spares_newcomer(o, s) then
    hit_session(o, s, place)
    local details = warning_of(o)
    details.targeted = { sid }
    record('order.changed', o.by, { orderId = oid, reason = o.reason, details = details })
  end
end
return answer(welcome_of(session_of(sid)))
