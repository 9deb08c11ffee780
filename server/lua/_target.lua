-- Finding whom an order hits, in bounded steps. Needs _lib, _session, _block, _order and _ladder.

local STEP = 50
local MATCH_FIELDS = {
  'uid', 'name', 'state', 'conn', 'idle', 'saving', 'orders', 'deadlineAt', 'deadlineOrder', 'lastInputAt', 'roles',
  'appName', 'place', 'attach',
}

-- Whether sessions that are opened later may come under an order.
local function is_lasting(target)
  return target.all or target.users or target.roles or target.apps
end

-- A matcher of one target or exception: lists as sets, read once for a whole step.
local function matcher(target)
  if not target then
    return function() return false end
  end
  local sessions, users = set_of(target.sessions), set_of(target.users)
  local roles, apps = set_of(target.roles), set_of(target.apps)
  return function(s)
    if target.all or (sessions and sessions[s.id]) or (users and users[s.uid]) or (apps and apps[s.appName]) then
      return true
    end
    if target.minIdleMs and NOW - tonumber(s.lastInputAt) >= target.minIdleMs then
      return true
    end
    if roles then
      for _, role in ipairs(cjson.decode(s.roles)) do
        if roles[role] then return true end
      end
    end
    return false
  end
end

local function candidate(sid)
  local s = fields_of(session_key(sid), MATCH_FIELDS)
  if not s.uid or s.state == 'ended' then
    return nil
  end
  s.id = sid
  local lease = lease_of(sid)
  if lease then
    s.lastInputAt = lease.lastInputAt
  end
  return s
end

-- The order's request as a function: does it hit this session?
local function hits(oid)
  local q = fields_of(order_key(oid), { 'target', 'except', 'issuer', 'includeSelf', 'spared' })
  local wanted = matcher(cjson.decode(q.target))
  local spared = matcher(q.except and q.except ~= '' and cjson.decode(q.except))
  local kept = q.spared and cjson.decode(q.spared).id
  return function(s)
    if s.uid == kept or q.includeSelf ~= '1' and s.uid == q.issuer then
      return false
    end
    return wanted(s) and not spared(s)
  end
end

-- The names an order gives, sessions before users, when it gives nothing else: no need to look at everybody then.
local function names_in(target)
  if target.all or target.roles or target.apps or target.minIdleMs then
    return nil
  end
  local names = {}
  for _, sid in ipairs(target.sessions or {}) do
    names[#names + 1] = { sid = sid }
  end
  for _, uid in ipairs(target.users or {}) do
    names[#names + 1] = { uid = uid }
  end
  return names
end

-- The cursor of names: how many are done, and up to which place the sessions of the next one are.
-- Answers the sessions, the cursor after them, and the users that were looked at.
local function named_candidates(names, cursor)
  local done, place = string.match(cursor, '^(%d+)|?(%d*)$')
  done = tonumber(done)
  local page, uids = {}, {}
  for _ = 1, STEP do
    local name = names[done + 1]
    if not name or #page == STEP then
      break
    end
    uids[#uids + 1] = name.uid
    local rows = name.sid and { name.sid, '' }
      or call('ZRANGE', P .. 'user:' .. name.uid, '(' .. (place == '' and '0' or place), '+inf', 'BYSCORE',
        'LIMIT', 0, STEP - #page, 'WITHSCORES')
    for i = 1, #rows, 2 do
      page[#page + 1] = rows[i]
    end
    if name.uid and #page == STEP then
      place = rows[#rows]
    else
      done, place = done + 1, ''
    end
  end
  return page, done < #names and digits(done) .. '|' .. place or nil, uids
end

-- The sessions of the next step and the cursor after it; no cursor: there are no more.
local function next_candidates(target, cursor)
  local names = names_in(target)
  if names then
    return named_candidates(names, cursor)
  end
  local rows = call('ZRANGE', P .. 'sessions', '(' .. cursor, '+inf', 'BYSCORE', 'LIMIT', 0, STEP, 'WITHSCORES')
  local page = {}
  for i = 1, #rows, 2 do
    page[#page + 1] = rows[i]
  end
  return page, #page == STEP and rows[#rows] or nil, {}
end

-- Puts a session under an order. Whom a security order hits is kept out before anything is told.
local function hit_session(o, s, place)
  if cuts(o) then
    block_by_security(o, s.uid)
  end
  target_session(o, s, place)
end

-- One step of `preparing`: up to 50 sessions are looked at; those hit are warned by one record.
local function step_order(o)
  local state = fields_of(order_key(o.id), { 'cursor', 'target' })
  local page, cursor, uids = next_candidates(cjson.decode(state.target), state.cursor)
  local is_hit = hits(o.id)
  local told = {}
  -- Whom it names is kept out even without a session: a stolen token may be on its way.
  for _, uid in ipairs(cuts(o) and uids or {}) do
    if is_hit({ id = '', uid = uid, roles = '[]', appName = '', lastInputAt = NOW }) then
      block_by_security(o, uid)
    end
  end
  for _, sid in ipairs(page) do
    local s = candidate(sid)
    if s and is_hit(s) and call('HEXISTS', order_key(o.id) .. ':targets', sid) == 0 then
      hit_session(o, s, s.place)
      told[#told + 1] = sid
    end
  end
  if #told > 0 then
    local details = warning_of(o)
    details.targeted = told
    record('order.changed', o.by, { orderId = o.id, reason = o.reason, details = details })
  end
  if cursor then
    call('HSET', order_key(o.id), 'cursor', cursor)
    call('ZADD', P .. 'due', digits(NOW), 'o:' .. o.id)
    return true
  end
  set_order_state(o, 'pending', o.by)
  schedule_order(o)
  -- A maintenance window waits for who may come until it begins.
  if call('HGET', order_key(o.id), 'targeted') == '0' and not in_window(o) then
    set_order_state(o, 'done', SYSTEM)
  else
    finish_order(o)
  end
  return false
end

-- A cancelled order lets its sessions go, step by step, and those in again whom it kept out.
local function step_release(o)
  local cursor = call('HGET', order_key(o.id), 'cursor')
  local rows = call('ZRANGE', order_key(o.id) .. ':index', '(' .. cursor, '+inf', 'BYSCORE',
    'LIMIT', 0, STEP, 'WITHSCORES')
  local told = {}
  for i = 1, #rows, 2 do
    local s = session_of(rows[i])
    if s then
      allow_by_order(s.id, o)
      if o.reason == 'replaced' then forget_ending(s) end
    end
    if s and s.state ~= 'ended' then
      rule_session(s, true)
      told[#told + 1] = s.id
    end
  end
  if #told > 0 then
    record('order.changed', o.by, { orderId = o.id, details = { released = told } })
  end
  if #rows == 2 * STEP then
    call('HSET', order_key(o.id), 'cursor', rows[#rows])
    call('ZADD', P .. 'due', digits(NOW), 'o:' .. o.id)
    return true
  end
  call('ZREM', P .. 'due', 'o:' .. o.id)
  return false
end
