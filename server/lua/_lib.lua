-- Prefixed to every script: the instant, names of keys, settings, records, answers.
-- KEYS[1] is always `lc:{tenant}:rev`; every other key of the tenant is derived from it and has the same hash slot.
-- DEFAULT_POLICY stands before this file: the contract's defaults as a Lua table.
local call = redis.call
local P = string.sub(KEYS[1], 1, -4)
local clock = call('TIME')
local US = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local NOW = math.floor(US / 1000)
local SYSTEM = { kind = 'system' }

-- An integer up to 2^53 as digits: `tostring` and cjson round beyond 14 of them.
local function digits(n)
  return string.format('%.0f', n)
end

-- A UUID (version 8, custom) that follows from a text: scripts have no random numbers.
local function uuid_of(text)
  local h = redis.sha1hex(text)
  return string.sub(h, 1, 8) .. '-' .. string.sub(h, 9, 12) .. '-8' .. string.sub(h, 14, 16) .. '-8'
    .. string.sub(h, 18, 20) .. '-' .. string.sub(h, 21, 32)
end

local function split(text, separator)
  local parts = {}
  for part in string.gmatch(text or '', '[^' .. separator .. ']+') do
    parts[#parts + 1] = part
  end
  return parts
end

local function pairs_of(flat)
  local map = {}
  for i = 1, #flat, 2 do
    map[flat[i]] = flat[i + 1]
  end
  return map
end

-- Reads the named fields of a hash into a table; absent ones stay nil.
local function fields_of(key, names)
  local values = call('HMGET', key, unpack(names))
  local map = {}
  for i = 1, #names do
    map[names[i]] = values[i] or nil
  end
  return map
end

-- A setting. They are read at once: most scripts need two or more, and few tenants have many of their own.
local settings
local function policy(name)
  settings = settings or pairs_of(call('HGETALL', P .. 'policy'))
  local value = settings[name] or DEFAULT_POLICY[name]
  return tonumber(value) or value
end

-- The registry's epoch: when its data began. A new one means that data was lost; its records follow a rev: 0 when all
-- was lost, else the last that is left. The key holds `epoch|rev`.
local began
local function begin_epoch(at, after_rev)
  began = at
  call('SET', P .. 'epoch', digits(at) .. '|' .. digits(after_rev))
end

local function epoch()
  if not began then
    began = tonumber(string.match(call('GET', P .. 'epoch') or '', '^%d+'))
    if not began then begin_epoch(NOW, 0) end
  end
  return began
end

-- Writes one record: the next rev, the stream's entry of that id, and the notice of this script's end.
-- fields: sessionId, user, orderId, resource, fence (digits), reason, details.
local notices = {}
local function record(kind, by, fields)
  local rev = call('INCR', KEYS[1])
  fields.epoch = epoch()
  fields.rev = rev
  fields.at = NOW
  fields.type = kind
  fields.by = by
  local text = cjson.encode(fields)
  if policy('auditOverflow') == 'drop' then
    call('XADD', P .. 'log', 'MAXLEN', '~', policy('auditRetention'), rev .. '-0', 'r', text)
  else
    call('XADD', P .. 'log', rev .. '-0', 'r', text)
  end
  notices[#notices + 1] = text
end

-- Whether another record has a rev than the one that was seen, by its instant (0: not known), as far as it is kept.
local function is_another(rev, seen_at)
  if seen_at == 0 then return false end
  local id = digits(rev) .. '-0'
  local entry = call('XRANGE', P .. 'log', id, id)[1]
  return entry ~= nil and cjson.decode(entry[2][2]).at ~= seen_at
end

-- Begins a new epoch when a record that was seen is not there any more: Redis came back with older data (a restart, a
-- fail-over), and may have new records up to its rev by now. Answers whether it did.
local function renew_if_lost(seen_epoch, seen_rev, seen_at)
  local rev = tonumber(call('GET', KEYS[1]) or '0')
  if seen_epoch < epoch() then return false end
  if seen_epoch == epoch() and seen_rev <= rev and not is_another(seen_rev, seen_at) then return false end
  begin_epoch(math.max(NOW, seen_epoch + 1), rev)
  record('session.state', SYSTEM, { details = { lost = { from = math.min(rev + 1, seen_rev), to = seen_rev } } })
  return true
end

-- Ends every script that may have written: tells the nodes what was recorded, then answers.
local function answer(value)
  if #notices > 0 then
    call('SPUBLISH', P .. 'log', '[' .. table.concat(notices, ',') .. ']')
  end
  return cjson.encode(value)
end

-- A refusal of the contract; the broker adds the sentence for a person.
local function refuse(code, extras)
  local value = extras or {}
  value.code = code
  return answer(value)
end

-- Puts a member of `due` to an instant, or earlier if it has one.
local function due_by(member, at)
  call('ZADD', P .. 'due', 'LT', digits(at), member)
end
