#!lua flags=allow-oom
-- Notes since when webhooks are sent: what was recorded before is nobody's to deliver. KEYS[1] is lc:{~}:rev.
-- Includes: _lib
-- Answers { sinceAt }, for ever the instant of the first call.
call('SET', P .. 'hook', digits(NOW), 'NX')
return cjson.encode({ sinceAt = tonumber(call('GET', P .. 'hook')) })
