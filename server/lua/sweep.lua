#!lua flags=allow-oom
-- Does what is due in a tenant, in bounded steps, by whichever node comes first.
-- Includes: _lib _session _lock _order _target _end
-- ARGV 1 JSON list of live nodes · 2 epoch and 3 rev of the last record this node heard, 0 for none
-- Answers { now, rev, epoch, waitMs until the next look, more }.
local LOOK_MS, QUIET_MS = 400, 200
-- After a gap no node is called gone for this long: as long as a node may be silent.
local SILENCE_MS = 5000
-- Work is counted in looks at a session, some 25 µs each, so that a script holds Redis for 2 or 3 ms.
local MAX_WORK = 100
local live = set_of(cjson.decode(ARGV[1])) or {}

local function report(wait_ms, more)
  return answer({
    now = NOW, rev = tonumber(call('GET', KEYS[1]) or '0'), epoch = epoch(), waitMs = wait_ms, more = more or false,
  })
end

-- Records that were heard are not there: Redis came back with older data (a restart, a fail-over).
local rev = tonumber(call('GET', KEYS[1]) or '0')
if tonumber(ARGV[2]) == epoch() and tonumber(ARGV[3]) > rev then
  begin_epoch(math.max(NOW, epoch() + 1), rev)
  record('session.state', SYSTEM, { details = { lost = { from = rev + 1, to = tonumber(ARGV[3]) } } })
end

notice_gap()
local before = call('GET', P .. 'swept')
local since = NOW - tonumber(string.match(before, '^%d+'))
if since < QUIET_MS and string.sub(before, -1) ~= '+' then
  return report(QUIET_MS - since)
end
local gap = fields_of(P .. 'gap', { 'from', 'to', 'total' })

-- The lease is there: what else is due? Idle mark, token.
local function attend(s, lease)
  local changes, details = {}, nil
  if gap.to and lease.beatAt >= tonumber(gap.to) and s.credited ~= gap.total then
    changes.credited = gap.total
  end
  if tonumber(s.lastInputAt) < lease.lastInputAt then
    changes.lastInputAt = digits(lease.lastInputAt)
  end
  if s.idle ~= '1' and NOW - lease.lastInputAt >= policy('idleAfterMs') then
    changes.idle = '1'
    details = { idle = true }
  end
  local token_at = tonumber(s.tokenAt)
  if s.tokenTold ~= '1' and NOW >= token_at - 60000 then
    changes.tokenTold = '1'
    details = details or {}
    details.tokenExpiresAt = token_at
  end
  save_session(s, changes, SYSTEM, details)
  schedule_session(s, NOW + call('PTTL', lease_key(s.id)))
end

local function visit_session(sid, due_at)
  local s = session_of(sid)
  if not s or s.state == 'ended' then
    call('ZREM', P .. 'due', 's:' .. sid)
    return 0
  end
  local deadline = tonumber(s.deadlineAt or '0')
  if deadline > 0 and deadline <= NOW then
    local _, first, at = orders_over(s)
    if first and at <= NOW then
      if first.state == 'pending' then
        set_order_state(first, 'closing', SYSTEM)
      end
      return end_session(s, first.reason, first.by, first.message, first.id, live)
    end
    rule_session(s)
  end
  if tonumber(s.tokenAt) <= NOW then
    return end_session(s, 'token_expired', { kind = 'policy' }, 'Your sign-in has expired.', nil, live)
  end
  local lease = lease_of(sid)
  if lease then
    attend(s, lease)
    return 0
  end
  local until_at = stays_until(s, due_at, gap)
  if until_at > NOW then
    schedule_session(s, until_at)
    return 0
  end
  return end_session(s, 'unresponsive', SYSTEM, 'The application stopped answering.', nil, live)
end

local function visit_order(oid)
  local o = order_of(oid)
  if not o then
    call('ZREM', P .. 'due', 'o:' .. oid)
  elseif o.state == 'preparing' then
    step_order(o)
    return MAX_WORK
  elseif o.state == 'cancelled' then
    step_release(o)
    return MAX_WORK
  else
    call('ZREM', P .. 'due', 'o:' .. oid)
    if o.action == 'warn' then
      set_order_state(o, 'done', SYSTEM)
    elseif o.state == 'pending' then
      set_order_state(o, 'closing', SYSTEM)
      finish_order(o)
    end
  end
  return 0
end

local function visit_wait(sid, request_id)
  local wait = leave_queue(sid, request_id)
  local s = wait and session_of(sid)
  if s then
    finish_request(sid, request_id, 'denied')
    forget_if_unused(wait.resource)
    record('lock.requested', SYSTEM, {
      sessionId = sid, user = user_of(s), resource = wait.resource,
      details = { requestId = request_id, state = 'denied' },
    })
  end
  return 1
end

local items = call('ZRANGE', P .. 'due', '-inf', digits(NOW), 'BYSCORE', 'LIMIT', 0, MAX_WORK, 'WITHSCORES')
local work, done = 0, 0
for i = 1, #items, 2 do
  local kind, rest = string.match(items[i], '^(%a):(.*)$')
  if kind == 's' then
    work = work + 1 + visit_session(rest, tonumber(items[i + 1]))
  elseif kind == 'o' then
    work = work + 1 + visit_order(rest)
  elseif kind == 'v' and gap.to and NOW < gap.to + SILENCE_MS then
    -- Live nodes could not say that they live; those that died are known to be dead by then.
    call('ZADD', P .. 'due', digits(gap.to + SILENCE_MS), items[i])
    work = work + 1
  elseif kind == 'v' then
    verify_session(rest, live, true)
    work = work + 1
  elseif kind == 'q' then
    work = work + visit_wait(string.match(rest, '^([^:]+):(.+)$'))
  else
    call('ZREM', P .. 'due', items[i])
  end
  done = done + 1
  if work >= MAX_WORK then break end
end

local more = done * 2 < #items or done == MAX_WORK
if not more then
  local due_now = call('ZCOUNT', P .. 'due', '-inf', digits(NOW))
  more = due_now > 0
end
call('SET', P .. 'swept', digits(NOW) .. (more and '+' or ''))
local following = call('ZRANGE', P .. 'due', 0, 0, 'WITHSCORES')[2]
local wait_ms = following and math.min(LOOK_MS, math.max(QUIET_MS, tonumber(following) - NOW)) or LOOK_MS
return report(more and 0 or wait_ms, more)
