#!lua flags=no-writes
-- Who would be hit: one step over the sessions for a rehearsal. Includes: _lib _session _block _order _ladder _target
-- ARGV 1 JSON target · 2 JSON except or '' · 3 issuer's uid or '' · 4 cursor
-- Answers { sessions: [sid], cursor? }.
local target = cjson.decode(ARGV[1])
local wanted, spared = matcher(target), matcher(ARGV[2] ~= '' and cjson.decode(ARGV[2]))
local page, cursor = next_candidates(target, ARGV[4])
local found = {}
for _, sid in ipairs(page) do
  local s = candidate(sid)
  if s and s.uid ~= ARGV[3] and wanted(s) and not spared(s) then
    found[#found + 1] = sid
  end
end
return cjson.encode({ sessions = found, cursor = cursor })
