#!lua flags=no-writes
-- A page of an order's receipts, in the order of the sessions. Includes: _lib
-- ARGV 1 oid · 2 cursor ('-inf' or the last score seen) · 3 how many, at most 200
-- Answers { items: [[sid, receipt JSON]], cursor? } or `not_found`.
local key = P .. 'order:' .. ARGV[1]
if call('EXISTS', key) == 0 then return cjson.encode({ code = 'not_found' }) end
local from = ARGV[2] == '-inf' and '-inf' or '(' .. ARGV[2]
local rows = call('ZRANGE', key .. ':index', from, '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[3], 'WITHSCORES')
local items = {}
for i = 1, #rows, 2 do
  items[#items + 1] = { rows[i], call('HGET', key .. ':targets', rows[i]) }
end
return cjson.encode({ items = items, cursor = #rows == 2 * tonumber(ARGV[3]) and rows[#rows] or nil })
