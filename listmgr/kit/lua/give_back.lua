-- Unused permits: the counters go back, and the schedule does as far as it lies ahead.
-- KEYS: schedule, hour's counter, day's counter. args: count, per_second.
for _, counter in ipairs({KEYS[2], KEYS[3]}) do
  if redis.call('EXISTS', counter) == 1 then
    redis.call('DECRBY', counter, args.count)
  end
end
local next_free = redis.call('GET', KEYS[1])
if args.per_second > 0 and next_free then
  next_free = tonumber(next_free)
  local earlier = next_free - args.count * 1000000 / args.per_second
  redis.call('SET', KEYS[1], whole(math.max(earlier, math.min(next_free, now()))), 'KEEPTTL')
end
