#!lua flags=allow-oom
-- Records what changes no state but is worth knowing: a refused access, a reading of the audit trail. Includes: _lib
-- ARGV 1 type · 2 JSON actor · 3 JSON fields { reason?, sessionId?, details? }
-- Answers {}.
record(ARGV[1], cjson.decode(ARGV[2]), cjson.decode(ARGV[3]))
return answer({})
