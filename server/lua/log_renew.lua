#!lua flags=allow-oom
-- Begins a new epoch if a record that was seen is not there any more: Redis came back with older data. Includes: _lib
-- ARGV 1 epoch, 2 rev and 3 instant of the record that was seen; 0: its instant is not known
-- Answers { renewed }.
local renewed = renew_if_lost(tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]))
return answer({ renewed = renewed })
