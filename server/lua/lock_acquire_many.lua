#!lua
-- Grants several locks at once, or none; nobody waits.
-- Includes: _lib _session _tree _lock _queue _next _release _holder _cycle _ask
-- ARGV 1 sid · 2 requestId · 3.. per lock: resource, mode, scope · last attach
-- Answers { locks }, in the order that was asked, or like lock_acquire. What the session holds already stays as it is.
local sid, locks, free = ARGV[1], {}, {}
local s, code, extras = asking(sid, ARGV[2])
if code then return refuse(code, extras) end

for i = 3, #ARGV - 2, 3 do
  local want = { resource = ARGV[i], mode = ARGV[i + 1], scope = ARGV[i + 2], requestId = ARGV[2], place = #locks + 1 }
  local mine = call('HGET', P .. 'lock:' .. want.resource, sid)
  local lock = mine and lock_of(want.resource, mine)
  if lock and not covers(lock, want) then return refuse('conflict', { reason = 'weaker' }) end
  if lock and is_doubted(lock) then
    want.mode, want.scope, want.ids, mine = lock.mode, lock.scope, lock.requestId, false
    free[#free + 1] = want
  elseif not mine then
    local older, whose
    local is_held = is_held_against(want, sid)
    if not is_held then older, whose = older_against(want, sid, '+inf') end
    if is_held or older then return refuse('locked', { blockers = blockers_of(want, sid, older, whose) }) end
    free[#free + 1] = want
  end
  locks[#locks + 1] = mine and own_lock(want.resource, mine) or false
end
if is_over_limit(sid, #free) then return refuse('lock_limit') end
for _, want in ipairs(free) do
  locks[want.place] = grant(s, want)
end
return answer({ locks = locks })
