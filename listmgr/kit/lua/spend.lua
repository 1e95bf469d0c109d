-- Permits used without asking: counted where the counter is whole, and the next one's turn is later.
-- KEYS: schedule, hour's counter, day's counter, since when they count.
-- args: count, per_second, hour and day (limit, begins, ends in seconds).
local present = now()
local counting_since = redis.call('GET', KEYS[4])
for _, counter in ipairs({{key = KEYS[2], span = args.hour}, {key = KEYS[3], span = args.day}}) do
  local span = counter.span
  local is_whole = counting_since and tonumber(counting_since) <= span.begins * 1000000
  if span.limit > 0 and (is_whole or redis.call('EXISTS', counter.key) == 1) then
    redis.call('INCRBY', counter.key, args.count)
    redis.call('EXPIREAT', counter.key, span.ends + 3600)
  end
end
if args.per_second > 0 then
  local next_free = math.max(present, tonumber(redis.call('GET', KEYS[1]) or '0'))
  keep_until(KEYS[1], next_free + args.count * 1000000 / args.per_second, present)
end
