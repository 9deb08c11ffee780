#!lua flags=allow-oom
-- Looks whether anything is to be swept in a tenant, and if not says that it was looked at: the most common look by
-- far, at a fraction of what the sweep costs, which has all that can be due with it.
-- Includes: _lib _session _tree _lock _look
-- ARGV 1 epoch, 2 rev and 3 instant of the last record this node heard, 0 for none
-- Answers as `sweep` does; `more`: it is to be swept.
renew_if_lost(tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]))
raise_fence()
-- Without a sign: nothing was left to be done, and there was somebody.
local swept_at = tonumber(string.match(call('GET', P .. 'swept') or '', '^%d+$'))
local since, due_at = swept_at and NOW - swept_at, next_due()
if not since or since < 0 or since > GAP_MS or due_at and due_at <= NOW or call('ZCARD', P .. 'sessions') == 0 then
  return report(0, true)
end
if since < QUIET_MS then
  return report(wait_for(due_at, LOOK_MS - since))
end
call('SET', P .. 'swept', digits(NOW))
return report(wait_for(due_at, LOOK_MS))
