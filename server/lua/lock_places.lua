#!lua flags=no-writes
-- Who waits for a resource, in order. Includes: _lib
-- ARGV 1 resource
-- Answers { places: [sid:requestId] }.
return cjson.encode({ places = call('ZRANGE', P .. 'waiters:' .. ARGV[1], 0, -1) })
