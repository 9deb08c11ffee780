#!lua flags=allow-oom
-- What changed of a session besides its lease: unsaved work, view, back from idle, no socket any more.
-- Includes: _lib _session _tree _lock _queue _next _release _order _ending
-- ARGV 1 sid · 2 attach · 3 JSON { idleMs?, dirty?, view?, detached? }
-- Answers { state }, or `superseded` / `session_ended`. A change that is already there changes nothing.
local s = session_of(ARGV[1])
if not s then return refuse('not_found') end
local change = cjson.decode(ARGV[3])
if s.state == 'ended' then return refuse('session_ended') end
if change.detached then
  call('HDEL', session_key(s.id), 'at:' .. ARGV[2])
end
if is_superseded(s, ARGV[2]) then return refuse('superseded') end

local lease = lease_of(s.id)
local changes, details = {}, nil
if change.detached then
  changes.conn = '0'
  if lease then
    changes.lastInputAt, changes.dirty, changes.view = digits(lease.lastInputAt), lease.dirty, lease.view
  end
end
if change.idleMs then
  local input_at = math.max(tonumber(s.lastInputAt), lease and lease.lastInputAt or 0, NOW - change.idleMs)
  changes.lastInputAt = digits(input_at)
  local idle = NOW - input_at >= policy('idleAfterMs')
  changes.idle = idle and '1' or '0'
end
if change.dirty ~= nil and (change.dirty and '1' or '0') ~= s.dirty then
  changes.dirty = change.dirty and '1' or '0'
  details = details or {}
  details.dirty = change.dirty
end
if change.view and change.view ~= s.view then
  changes.view = change.view
  details = details or {}
  details.view = change.view
end
save_session(s, changes, { kind = 'user', id = s.uid, name = s.name }, details)
if change.detached then
  pass_over(s.id)
end
if change.idleMs then
  note_input(s, tonumber(s.lastInputAt))
end
local ends = call('PTTL', lease_key(s.id))
if ends > 0 then
  if change.idleMs and lease then
    write_lease({ id = s.id, attach = s.attach, node = lease.node, lastInputAt = s.lastInputAt,
      dirty = changes.dirty or lease.dirty, view = changes.view or lease.view }, lease.beatAt)
    call('PEXPIRE', lease_key(s.id), ends)
  end
  schedule_session(s, NOW + ends)
end
return answer({ state = s.state })
