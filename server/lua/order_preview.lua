#!lua flags=no-writes
-- Who would be hit: one step over the sessions for a rehearsal.
-- Includes: _lib _session _block _order _ladder _target _role _guard
-- ARGV 1 JSON target · 2 JSON except or '' · 3 issuer's uid or '' · 4 cursor
--      5 '1' for a logoff without includeSelf, which leaves an administrator in
-- Answers { sessions: [sid], cursor?, spared? }.
local target = cjson.decode(ARGV[1])
local wanted, spared = matcher(target), matcher(ARGV[2] ~= '' and cjson.decode(ARGV[2]))
local function is_hit(s)
  return s.uid ~= ARGV[3] and wanted(s) and not spared(s)
end
local last = ARGV[5] == '1' and last_administrator(target, is_hit) or nil
local page, cursor = next_candidates(target, ARGV[4])
local found = {}
for _, sid in ipairs(page) do
  local s = candidate(sid)
  if s and is_hit(s) and not (last and s.uid == last.uid) then
    found[#found + 1] = sid
  end
end
return cjson.encode({ sessions = found, cursor = cursor, spared = last and user_of(last) })
