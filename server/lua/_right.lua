-- One node's right to go through a tenant's stream. Needs _lib.
-- hook, archive  hash  epoch, rev: the last record that is done; mark: what else is known of it; holder, fence,
--                      untilAt: who has the right; failures (in a row), retryAt, waitingAt (the instant of the record
--                      that waits) after a failure

-- The last record that is done, as the records are numbered now.
local function done_rev(h)
  local rev = tonumber(h.rev or '0')
  local now_epoch, after = string.match(call('GET', P .. 'epoch') or '', '^(%d+)|(%d+)$')
  -- Data was lost: the records of this epoch follow those that are left.
  if h.epoch and h.epoch ~= now_epoch then
    rev = math.min(rev, tonumber(after or '0'))
  end
  return rev, tonumber(now_epoch or '0'), tonumber(after or '0')
end
