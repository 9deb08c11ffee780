#!lua flags=allow-oom
-- Takes the right to go through a tenant's stream, for a time; at most one node has it. Includes: _lib _right
-- ARGV 1 what for: 'hook' (webhooks), 'archive' · 2 holder · 3 lease (ms) · 4 '1' to try before the instant of the
--      next attempt · 5 JSON list of live nodes
-- Answers { granted, waitMs, fence, epoch, after, rev, mark?, head, failures, waitingAt?, isNew, retention }: `epoch`
-- is the one there is now and `after` the rev it follows, `head` the tenant's last rev, `isNew` true while nothing was
-- ever done; granted = false with waitMs = 0: there is nothing to do.
local LOOK_AGAIN_MS, UNKNOWN_MS = 1000, 3000
local key = P .. ARGV[1]
local h = fields_of(key, { 'epoch', 'rev', 'mark', 'holder', 'fence', 'untilAt', 'failures', 'retryAt', 'waitingAt' })
local head = tonumber(call('GET', KEYS[1]) or '0')
local rev, now_epoch, after = done_rev(h)

local fence = tonumber(h.fence or '0')
local function say(granted, wait_ms)
  return cjson.encode({
    granted = granted, waitMs = wait_ms, fence = fence, epoch = now_epoch, after = after, rev = rev, mark = h.mark,
    head = head, failures = tonumber(h.failures or '0'), waitingAt = tonumber(h.waitingAt), isNew = h.rev == nil,
    retention = policy('auditRetention'),
  })
end

local until_at = tonumber(h.untilAt or '0')
-- What a dead node has is free: at worst what it was at is done again. Who is not known to be alive may just have
-- begun, and says so in a moment.
local function is_alive(node)
  for _, id in ipairs(cjson.decode(ARGV[5])) do
    if id == node then return true end
  end
  return NOW < until_at - ARGV[3] + UNKNOWN_MS
end

if until_at > NOW and h.holder ~= ARGV[2] and is_alive(h.holder) then
  -- It may be given back, or its node die, at any time.
  return say(false, math.min(until_at - NOW, LOOK_AGAIN_MS))
end
local retry_at = tonumber(h.retryAt or '0')
if retry_at > NOW and ARGV[4] ~= '1' then
  return say(false, retry_at - NOW)
end
if rev >= head then
  return say(false, 0)
end
fence = fence + 1
call('HSET', key, 'holder', ARGV[2], 'fence', digits(fence), 'untilAt', digits(NOW + ARGV[3]))
return say(true, 0)
