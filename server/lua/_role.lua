-- Who administers. Needs _lib.
-- administrators  zset  live sessions with such a role, by their place in `sessions`: orders leave one of them in

local ADMINISTERS = { admin = true, operator = true }

-- Puts a live session into the index, or out of it: its roles are those of the latest token.
local function index_role(sid, roles)
  for _, role in ipairs(cjson.decode(roles)) do
    if ADMINISTERS[role] then
      call('ZADD', P .. 'administrators', call('ZSCORE', P .. 'sessions', sid), sid)
      return
    end
  end
  call('ZREM', P .. 'administrators', sid)
end
