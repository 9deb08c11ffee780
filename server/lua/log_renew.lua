#!lua flags=allow-oom
-- Begins a new epoch if a record that was seen is not there any more: Redis came back with older data. Includes: _lib
-- ARGV 1 epoch and 2 rev of the record that was seen
-- Answers { renewed }.
local renewed = renew_if_lost(tonumber(ARGV[1]), tonumber(ARGV[2]))
return answer({ renewed = renewed })
