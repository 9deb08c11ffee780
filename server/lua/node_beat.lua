#!lua flags=allow-oom
-- A broker process says that it is there, and learns who else is. KEYS[1] is lc:{~}:rev. Includes: _lib
-- ARGV 1 node · 2 JSON facts { startedAt, sessions, version } · 3 lapse (ms) · 4 forget (ms) · 5 '1' when it leaves
--      6 the schema it knows: how what stands in Redis is to be read; a newer one never becomes an older one
-- Answers { now, schema, nodes: [{ id, seenAt, facts }] } of those not lapsed; of a node too old for what stands here
-- nothing is noted.
local schema = tonumber(call('GET', P .. 'schema') or '0')
if schema > tonumber(ARGV[6]) then
  call('ZREM', P .. 'nodes', ARGV[1])
  call('HDEL', P .. 'nodes:facts', ARGV[1])
  return cjson.encode({ now = NOW, schema = schema, nodes = {} })
end
if schema < tonumber(ARGV[6]) then
  schema = tonumber(ARGV[6])
  call('SET', P .. 'schema', digits(schema))
end
if ARGV[5] == '1' then
  call('ZREM', P .. 'nodes', ARGV[1])
  call('HDEL', P .. 'nodes:facts', ARGV[1])
else
  call('ZADD', P .. 'nodes', digits(NOW), ARGV[1])
  call('HSET', P .. 'nodes:facts', ARGV[1], ARGV[2])
end
for _, id in ipairs(call('ZRANGE', P .. 'nodes', '-inf', digits(NOW - ARGV[4]), 'BYSCORE', 'LIMIT', 0, 100)) do
  call('ZREM', P .. 'nodes', id)
  call('HDEL', P .. 'nodes:facts', id)
end
local rows = call('ZRANGE', P .. 'nodes', digits(NOW - ARGV[3]), '+inf', 'BYSCORE', 'WITHSCORES')
local nodes = {}
for i = 1, #rows, 2 do
  nodes[#nodes + 1] = {
    id = rows[i], seenAt = tonumber(rows[i + 1]), facts = call('HGET', P .. 'nodes:facts', rows[i]),
  }
end
return cjson.encode({ now = NOW, schema = schema, nodes = nodes })
