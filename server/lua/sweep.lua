#!lua flags=allow-oom
-- Does what is due in a tenant, in bounded steps, by whichever node comes first.
-- Includes: _lib _session _tree _lock _queue _next _release _takeover _block _order _ladder _target _role _guard
--   _issue _end _ending _maintenance _visit _look
-- ARGV 1 JSON list of live nodes · 2 epoch, 3 rev and 4 instant of the last record this node heard, 0 for none
-- Answers { now, rev, epoch, fence: the last one, waitMs until the next look, more, resting: there is nobody, so until
-- rev changes only what is due has to be looked at }.
-- After a gap no node is called gone for this long: as long as a node may be silent.
local SILENCE_MS = 5000
local live = set_of(cjson.decode(ARGV[1])) or {}

renew_if_lost(tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]))
raise_fence()
notice_gap()
local before = call('GET', P .. 'swept')
local since = NOW - tonumber(string.match(before, '^%d+'))
if since < QUIET_MS and string.sub(before, -1) ~= '+' then
  return report(QUIET_MS - since)
end
local gap = gap_now()
-- The window comes before the sessions: whether they are logged off at all is for it to say.
local window_at = tonumber(call('ZSCORE', P .. 'due', 'm') or '')
local work = 0
if window_at and window_at <= NOW then
  advance_window()
  work = MAX_WORK / 2
end
local items = call('ZRANGE', P .. 'due', '-inf', digits(NOW), 'BYSCORE', 'LIMIT', 0, MAX_WORK, 'WITHSCORES')
local done = 0
for i = 1, #items, 2 do
  local kind, rest = string.match(items[i], '^(%a):(.*)$')
  if kind == 's' then
    work = work + 1 + visit_session(rest, tonumber(items[i + 1]), live)
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
  elseif kind == 'g' then
    work = work + visit_grants(rest)
  elseif kind == 't' then
    work = work + visit_takeover(rest)
  elseif kind == 'l' then
    work = work + visit_delay(rest)
  elseif kind == 'b' then
    work = work + 1 + visit_block(rest)
  elseif items[i] ~= 'm' then
    call('ZREM', P .. 'due', items[i])
  end
  done = done + 1
  if work + scan_work() >= MAX_WORK then break end
end

local more = done * 2 < #items or done == MAX_WORK
if not more then
  local due_now = call('ZCOUNT', P .. 'due', '-inf', digits(NOW))
  more = due_now > 0
end
local resting = not more and call('ZCARD', P .. 'sessions') == 0
call('SET', P .. 'swept', digits(NOW) .. (more and '+' or resting and '~' or ''))
return report(more and 0 or wait_for(next_due(), resting and REST_MS or LOOK_MS), more, resting)
