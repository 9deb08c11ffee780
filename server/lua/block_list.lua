#!lua flags=no-writes
-- Blocks, newest first: a page of all, or those of one person. Includes: _lib
-- ARGV 1 cursor ('+inf' for the first page, else the last score seen) · 2 how many, at most 200 · 3 uid, or ''
-- Answers { items: [JSON of a block], cursor? }.
local ids, cursor = {}, nil
if ARGV[3] ~= '' then
  ids = call('SMEMBERS', P .. 'blocks:' .. ARGV[3])
else
  local from = ARGV[1] == '+inf' and '+inf' or '(' .. ARGV[1]
  local rows = call('ZRANGE', P .. 'blocklist', from, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[2], 'WITHSCORES')
  for i = 1, #rows, 2 do ids[#ids + 1] = rows[i] end
  cursor = #ids == tonumber(ARGV[2]) and rows[#rows] or nil
end
local items = {}
for _, id in ipairs(ids) do
  items[#items + 1] = call('HGET', P .. 'blocks', id) or nil
end
return cjson.encode({ items = items, cursor = cursor })
