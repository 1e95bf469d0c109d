-- Places among so many at once; a holder that is silent for too long has lost it.
-- KEYS: the places. args: most, seconds, holders. Returns how many of the holders have one.
local present, got = now(), 0
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', present)
for _, holder in ipairs(args.holders) do
  if redis.call('ZSCORE', KEYS[1], holder) or redis.call('ZCARD', KEYS[1]) < args.most then
    redis.call('ZADD', KEYS[1], whole(present + args.seconds * 1000000), holder)
    got = got + 1
  end
end
redis.call('EXPIRE', KEYS[1], args.seconds * 2)
return got
