#!lua flags=allow-oom
-- Takes the right to deliver a tenant's webhooks, for a time; at most one node has it. Includes: _lib
-- hook  hash  epoch, rev: the last record that needs no delivery any more; holder, fence, untilAt: who has the right;
--             failures (in a row), retryAt, waitingAt (the instant of the record that waits) after a failure
-- ARGV 1 holder · 2 lease (ms) · 3 '1' to try before the instant of the next attempt · 4 JSON list of live nodes
-- Answers { granted, waitMs, fence, epoch, rev, head, failures, waitingAt?, isNew }: `epoch` is the one there is now,
-- `head` the tenant's last rev, `isNew` true while nothing was ever delivered; granted = false with waitMs = 0: there
-- is nothing to deliver.
local LOOK_AGAIN_MS, UNKNOWN_MS = 1000, 3000
local h = fields_of(P .. 'hook', { 'epoch', 'rev', 'holder', 'fence', 'untilAt', 'failures', 'retryAt', 'waitingAt' })
local head = tonumber(call('GET', KEYS[1]) or '0')
local now_epoch, after = string.match(call('GET', P .. 'epoch') or '', '^(%d+)|(%d+)$')
local rev = tonumber(h.rev or '0')
-- Data was lost: the records of this epoch follow those that are left.
if h.epoch and h.epoch ~= now_epoch then
  rev = math.min(rev, tonumber(after or '0'))
end

local fence = tonumber(h.fence or '0')
local function say(granted, wait_ms)
  return cjson.encode({
    granted = granted, waitMs = wait_ms, fence = fence, epoch = tonumber(now_epoch or '0'), rev = rev, head = head,
    failures = tonumber(h.failures or '0'), waitingAt = tonumber(h.waitingAt), isNew = h.rev == nil,
  })
end

local until_at = tonumber(h.untilAt or '0')
-- What a dead node has is free: at worst a message that it was sending is sent again. Who is not known to be alive may
-- just have begun, and says so in a moment.
local function is_alive(node)
  for _, id in ipairs(cjson.decode(ARGV[4])) do
    if id == node then return true end
  end
  return NOW < until_at - ARGV[2] + UNKNOWN_MS
end

if until_at > NOW and h.holder ~= ARGV[1] and is_alive(h.holder) then
  -- It may be given back, or its node die, at any time.
  return say(false, math.min(until_at - NOW, LOOK_AGAIN_MS))
end
local retry_at = tonumber(h.retryAt or '0')
if retry_at > NOW and ARGV[3] ~= '1' then
  return say(false, retry_at - NOW)
end
if rev >= head then
  return say(false, 0)
end
fence = fence + 1
call('HSET', P .. 'hook', 'holder', ARGV[1], 'fence', digits(fence), 'untilAt', digits(NOW + ARGV[2]))
return say(true, 0)
