#!lua flags=allow-oom
-- Moves the position up to which a tenant's webhooks were delivered, and prolongs the right to go on or gives it back.
-- Includes: _lib
-- ARGV 1 holder · 2 fence · 3 epoch and 4 rev of the last record that needs no delivery any more · 5 lease (ms), 0
--      gives the right back · 6 failures in a row, 0 for none · 7 wait before the next attempt (ms) · 8 the instant of
--      the record that waits
-- Answers { held }; false: somebody else has the right now, and nothing was changed.
local h = fields_of(P .. 'hook', { 'holder', 'fence' })
if h.holder ~= ARGV[1] or h.fence ~= ARGV[2] then
  return cjson.encode({ held = false })
end
call('HSET', P .. 'hook', 'epoch', ARGV[3], 'rev', ARGV[4], 'untilAt', digits(NOW + ARGV[5]))
if ARGV[6] == '0' then
  call('HDEL', P .. 'hook', 'failures', 'retryAt', 'waitingAt')
else
  call('HSET', P .. 'hook', 'failures', ARGV[6], 'retryAt', digits(NOW + ARGV[7]), 'waitingAt', ARGV[8])
end
return cjson.encode({ held = true })
