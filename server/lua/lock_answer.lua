#!lua flags=allow-oom
-- A holder's answer to who takes over: when all that were asked yield it is done, when one keeps it is over.
-- Includes: _lib _session _tree _lock _queue _next _release _takeover
-- ARGV 1 sid · 2 requestId of who takes over · 3 yield or keep
-- Answers {}, or `not_found`: nobody asks for that (any more).
local sid = ARGV[1]
local s = session_of(sid)
if not s then return refuse('not_found') end
if s.state == 'ended' then return refuse('session_ended') end
for _, resource in ipairs(call('HKEYS', P .. 'held:' .. sid)) do
  local t = call('HGET', P .. 'takeover:' .. resource, 'requestId') == ARGV[2] and takeover_of(resource)
  if t and t.asked[sid] then
    if ARGV[3] == 'keep' then
      end_takeover(t, 'kept', { kind = 'user', id = s.uid, name = s.name })
      return answer({})
    end
    call('HSET', P .. 'takeover:' .. resource, 'h:' .. sid, 'yield')
    t.asked[sid] = 'yield'
    local all_yield = true
    for _, holder in ipairs(other_holders(resource, t.sid)) do
      all_yield = all_yield and t.asked[holder] == 'yield'
    end
    if all_yield then settle_takeover(resource, t) end
    return answer({})
  end
end
return refuse('not_found')
