#!lua flags=allow-oom
-- Moves the place up to which a tenant's stream is done, and prolongs the right to go on or gives it back.
-- Includes: _lib
-- ARGV 1 what for: 'hook', 'archive' · 2 holder · 3 fence · 4 epoch and 5 rev of the last record that is done
--      6 mark of that place, '' for none · 7 lease (ms), 0 gives the right back · 8 failures in a row, 0 for none
--      9 wait before the next attempt (ms) · 10 the instant of the record that waits
-- Answers { held }; false: somebody else has the right now, and nothing was changed.
local key = P .. ARGV[1]
local h = fields_of(key, { 'holder', 'fence' })
if h.holder ~= ARGV[2] or h.fence ~= ARGV[3] then
  return cjson.encode({ held = false })
end
call('HSET', key, 'epoch', ARGV[4], 'rev', ARGV[5], 'untilAt', digits(NOW + ARGV[7]))
if ARGV[6] ~= '' then
  call('HSET', key, 'mark', ARGV[6])
end
if ARGV[8] == '0' then
  call('HDEL', key, 'failures', 'retryAt', 'waitingAt')
else
  call('HSET', key, 'failures', ARGV[8], 'retryAt', digits(NOW + ARGV[9]), 'waitingAt', ARGV[10])
end
return cjson.encode({ held = true })
