#!lua flags=allow-oom
-- Renews leases, at most 200 of one tenant and node in a call. Includes: _lib _session
-- ARGV 1 node · 2 a line per session: `sid attach idleMs`, and where there is more to say ` dirty n`: dirty (0, 1 or -
-- unsaid), ARGV n its view (0 unsaid) · then views
-- Answers an array: rev, epoch, leaseMs, then two numbers per session whose lease was not renewed: its line (from 1)
-- and 0 no lease · -1 superseded.
-- `due` is not touched: the sweep finds the session due, looks at its lease and re-scores it.
local lease_ms = policy('leaseMs')
local result = { tonumber(call('GET', KEYS[1]) or '0'), epoch(), lease_ms }
-- Made once for all of them; an instant rather than a time, which Redis would turn into one each time.
local node_and_beat, ends_at = '|' .. ARGV[1] .. '|' .. digits(NOW) .. '|', digits(NOW + lease_ms)

local keys, attaches, idles, mores, count = {}, {}, {}, {}, 0
for sid, attach, idle_ms, more in string.gmatch(ARGV[2], '(%S+) (%d+) (%d+)([^\n]*)\n') do
  count = count + 1
  keys[count], attaches[count], idles[count], mores[count] = P .. 'lease:' .. sid, attach, idle_ms, more
end

-- One read for all: each call of a script costs more than what it does here.
local leases = call('MGET', unpack(keys))
for i = 1, count do
  local attach, input_at, rest
  if leases[i] then
    attach, input_at, rest = string.match(leases[i], '^(%d+)|[^|]*|%d+|(%d+)(|.*)$')
  end
  if attach ~= attaches[i] then
    result[#result + 1] = i
    -- A newer socket than this is known of is to be revived: the data came back without it.
    result[#result + 1] = attach and is_superseded({ attach = attach }, attaches[i]) and -1 or 0
  else
    local said_at = NOW - tonumber(idles[i])
    if said_at > tonumber(input_at) then input_at = digits(said_at) end
    if mores[i] ~= '' then
      local dirty, view = string.match(rest, '^|([01])|(.*)$')
      local said, n = string.match(mores[i], '^ ([01-]) (%d+)$')
      if said ~= '-' then dirty = said end
      if n ~= '0' then view = ARGV[tonumber(n)] end
      rest = '|' .. dirty .. '|' .. view
    end
    call('SET', keys[i], attach .. node_and_beat .. input_at .. rest, 'PXAT', ends_at)
  end
end
return result
