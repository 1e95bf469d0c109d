-- A place that refuses again and again is left alone for ever longer, up to an end.
-- KEYS: a hash of places, each "strikes level until". args: scope, good, bad (answers), strikes
-- (before it is left alone), first, longest, jitter. Returns until when, or 0.
local present = now()
if args.good > 0 then
  redis.call('HDEL', KEYS[1], args.scope)
  return 0
end
local kept = redis.call('HGET', KEYS[1], args.scope) or '0 0 0'
local strikes, level, till = string.match(kept, '(%d+) (%d+) (%d+)')
strikes, level, till = tonumber(strikes) + args.bad, tonumber(level), tonumber(till)
if strikes >= args.strikes and till <= present then
  level = level + 1
  till = present + math.min(args.first * 2 ^ (level - 1), args.longest) * args.jitter
end
redis.call('HSET', KEYS[1], args.scope, whole(strikes) .. ' ' .. whole(level) .. ' ' .. whole(till))
redis.call('EXPIRE', KEYS[1], 86400)
return till
