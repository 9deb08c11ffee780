#!lua
-- Replaces a tenant's settings, if they are still those the administrator saw. Includes: _lib
-- ARGV 1 version seen · 2 JSON settings, all of them · 3 JSON actor
-- Answers { version } or `version_mismatch` with the version there is.
local before = pairs_of(call('HGETALL', P .. 'policy'))
local version = tonumber(before.version or '0')
if version ~= tonumber(ARGV[1]) then
  return refuse('version_mismatch', { version = version })
end
local after = cjson.decode(ARGV[2])
local changed = {}
for name, value in pairs(after) do
  local was = before[name]
  if was == nil then was = DEFAULT_POLICY[name] end
  if tostring(was) ~= tostring(value) then
    changed[name] = { before = tonumber(was) or was, after = value }
  end
  call('HSET', P .. 'policy', name, type(value) == 'number' and digits(value) or value)
end
call('HSET', P .. 'policy', 'version', version + 1)
record('policy.changed', cjson.decode(ARGV[3]), { details = { version = version + 1, changed = changed } })
return answer({ version = version + 1 })
