#!lua flags=no-writes
-- A page of orders, newest first. Includes: _lib
-- ARGV 1 cursor ('+inf' for the first page, else the last score seen) · 2 how many, at most 200
--      3 `orders`, or `policyOrders` for endings by policy
-- Answers { items: [[field, value, …]], cursor? }.
local from = ARGV[1] == '+inf' and '+inf' or '(' .. ARGV[1]
local rows = call('ZRANGE', P .. ARGV[3], from, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[2], 'WITHSCORES')
local items = {}
for i = 1, #rows, 2 do
  local flat = call('HGETALL', P .. 'order:' .. rows[i])
  if #flat > 0 then
    items[#items + 1] = flat
  end
end
return cjson.encode({ items = items, cursor = #rows == 2 * tonumber(ARGV[2]) and rows[#rows] or nil })
