#!lua flags=allow-oom
-- Takes records from the stream that the archive has, that nobody waits for and that are beyond `auditRetention`; with
-- `auditOverflow: drop` each record that is written does that. Includes: _lib _right
-- ARGV 1 '1' if webhooks are delivered from this stream
-- Answers { trimmed }, at most so many as one step takes; 0: nothing is left to do.
local STEP = 1000
local function done(name)
  return (done_rev(fields_of(P .. name, { 'epoch', 'rev' })))
end
local last = math.min(done('archive'), tonumber(call('GET', KEYS[1]) or '0') - policy('auditRetention'))
if ARGV[1] == '1' then last = math.min(last, done('hook')) end
local trimmed = 0
if last > 0 and policy('auditOverflow') ~= 'drop' then
  trimmed = call('XTRIM', P .. 'log', 'MINID', '~', digits(last + 1) .. '-0', 'LIMIT', STEP)
end
return cjson.encode({ trimmed = trimmed })
