-- What a node is told that looked at a tenant. Needs _lib and _lock; raise_fence was called.

-- Until the next look: while there is anybody, at least, and while there is nobody; well below the gap of a second.
local LOOK_MS, QUIET_MS, REST_MS = 400, 200, 30000

local function report(wait_ms, more, resting)
  return answer({
    now = NOW, rev = tonumber(call('GET', KEYS[1]) or '0'), epoch = epoch(), fence = digits(last_fence),
    waitMs = wait_ms, more = more or false, resting = resting or false,
  })
end

-- What is due next, an instant.
local function next_due()
  return tonumber(call('ZRANGE', P .. 'due', 0, 0, 'WITHSCORES')[2])
end

-- How long nobody has to look at a tenant in which nothing is due yet.
local function wait_for(due_at, longest)
  return due_at and math.min(longest, math.max(QUIET_MS, due_at - NOW)) or longest
end
