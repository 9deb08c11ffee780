#!lua flags=allow-oom
-- Renews leases, at most 200 of one tenant and node in a call. Includes: _lib _session
-- ARGV 1 node · then per session: sid · attach · idleMs · dirty ('', '0', '1') · view ('' unchanged, else '=' .. view)
-- Answers an array: rev, epoch, leaseMs, then per session 1 renewed · 0 no lease · -1 superseded.
-- `due` is not touched: the sweep finds the session due, looks at its lease and re-scores it.
local lease_ms = policy('leaseMs')
local result = { tonumber(call('GET', KEYS[1]) or '0'), epoch(), lease_ms }
for i = 2, #ARGV, 5 do
  local key = P .. 'lease:' .. ARGV[i]
  local value = call('GET', key)
  if not value then
    result[#result + 1] = 0
  else
    local attach, input_at, dirty, view = string.match(value, '^(%d+)|[^|]*|%d+|(%d+)|([01])|(.*)$')
    if attach ~= ARGV[i + 1] then
      result[#result + 1] = -1
    else
      input_at = math.max(tonumber(input_at), NOW - tonumber(ARGV[i + 2]))
      if ARGV[i + 3] ~= '' then dirty = ARGV[i + 3] end
      if ARGV[i + 4] ~= '' then view = string.sub(ARGV[i + 4], 2) end
      call('SET', key, attach .. '|' .. ARGV[1] .. '|' .. digits(NOW) .. '|' .. digits(input_at) .. '|' .. dirty
        .. '|' .. view, 'PX', lease_ms)
      result[#result + 1] = 1
    end
  end
end
return result
