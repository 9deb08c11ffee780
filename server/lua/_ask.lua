-- What verbs that ask for locks share. Needs _lib, _session, _tree, _lock, _queue, _release, _holder, _cycle.

-- The session that asks, or its refusal: it is over, it goes on over another socket, its lease has to come back, or the
-- request is over. Before the fence, the last ARGV of each verb is the attachment of the socket that it came over: what
-- a node does late that was frozen was asked again elsewhere, and is perhaps over there.
local function asking(sid, request_id)
  local s = session_of(sid)
  if s and s.state == 'ended' then
    return nil, 'session_ended'
  end
  if s and is_superseded(s, ARGV[#ARGV - 1]) then
    return nil, 'superseded'
  end
  if not s or call('EXISTS', lease_key(sid)) == 0 then
    return nil, 'unavailable', { retryAfterMs = policy('beatMs') }
  end
  local outcome = call('HGET', P .. 'done:' .. sid, request_id)
  if outcome then
    return nil, 'conflict', { outcome = outcome }
  end
  return s
end

local function is_over_limit(sid, more)
  return call('HLEN', P .. 'held:' .. sid) + call('HLEN', P .. 'waits:' .. sid) + more > policy('maxLocksPerSession')
end

local function queued(want, sid, blockers)
  return answer({
    state = 'queued', requestId = want.requestId, position = position_of(want.resource, sid, want.requestId),
    blockers = blockers,
  })
end

-- The answer for a request that has its place already; nil: it has none.
local function waiting_place(sid, want)
  local text = call('HGET', P .. 'waits:' .. sid, want.requestId)
  if not text then
    return nil
  end
  local waiting = wait_of(text)
  if waiting.resource ~= want.resource or waiting.kind == 'takeover' then
    return refuse('conflict')
  end
  local ticket = call('ZSCORE', P .. 'waiters:' .. want.resource, sid .. ':' .. want.requestId)
  return queued(want, sid, blockers_of(waiting, sid, older_against(waiting, sid, ticket)))
end

-- A request that cannot have its lock now waits, if it may. kind: `shared`, `exclusive`, or `upgrade` at the head.
local function wait_or_refuse(s, want, kind, wait_ms, blockers)
  if wait_ms == 0 then
    return refuse('locked', { blockers = blockers })
  end
  if call('ZCARD', P .. 'waiters:' .. want.resource) >= policy('maxWaitersPerResource') then
    return refuse('queue_full')
  end
  local at_head = kind == 'upgrade'
  local cycle = cycle_of(s, want, at_head)
  if cycle then
    return refuse('deadlock', { cycle = cycle })
  end
  enter_queue(s, want, kind, next_ticket(at_head))
  call('ZADD', P .. 'due', digits(NOW + wait_ms), 'q:' .. s.id .. ':' .. want.requestId)
  record('lock.requested', { kind = 'user', id = s.uid, name = s.name }, {
    sessionId = s.id, user = user_of(s), resource = want.resource,
    details = {
      requestId = want.requestId, state = 'queued', mode = want.mode, scope = want.scope, waitMs = wait_ms,
      position = position_of(want.resource, s.id, want.requestId),
      upgrade = at_head or nil,
    },
  })
  return queued(want, s.id, blockers)
end
