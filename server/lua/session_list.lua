#!lua flags=no-writes
-- Sessions as administrators see them: a page by opening, of everybody or of one person, or those named.
-- Includes: _lib _session
-- ARGV 1 'all', 'user:' .. uid or 'ids' · 2 cursor ('-inf' or the last place seen) · 3 how many, at most 200 · 4.. sids
-- Answers { now, items: [fields, the lease's before the hash's, and locks], cursor?, total }.
local FIELDS = {
  'uid', 'name', 'roles', 'state', 'app', 'device', 'address', 'node', 'openedAt', 'beatAt', 'lastInputAt', 'dirty',
  'view', 'deadlineAt', 'deadlineOrder', 'endedAt', 'reason', 'by', 'message', 'orderId', 'place',
}
local sids, cursor, index = {}, nil, nil
if ARGV[1] == 'ids' then
  for i = 4, #ARGV do sids[#sids + 1] = ARGV[i] end
else
  index = ARGV[1] == 'all' and P .. 'sessions' or P .. ARGV[1]
  local from = ARGV[2] == '-inf' and '-inf' or '(' .. ARGV[2]
  local rows = call('ZRANGE', index, from, '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[3], 'WITHSCORES')
  for i = 1, #rows, 2 do sids[#sids + 1] = rows[i] end
  cursor = #sids == tonumber(ARGV[3]) and rows[#rows] or nil
end
local items = {}
for _, sid in ipairs(sids) do
  local s = fields_of(session_key(sid), FIELDS)
  if s.uid then
    s.id = sid
    local lease = lease_of(sid)
    if lease and s.state ~= 'ended' then
      s.beatAt, s.lastInputAt, s.dirty, s.view = lease.beatAt, lease.lastInputAt, lease.dirty, lease.view
    end
    s.locks = call('HLEN', P .. 'held:' .. sid)
    items[#items + 1] = s
  end
end
return cjson.encode({ now = NOW, items = items, cursor = cursor, total = index and call('ZCARD', index) or #items })
