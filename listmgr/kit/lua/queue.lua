-- Moments in line behind all who were put off before: when the first of `count` is due, from now.
-- KEYS: the end of the line. args: count, step, floor (not before that).
local present = now()
local start = math.max(present + args.floor, tonumber(redis.call('GET', KEYS[1]) or '0'))
keep_until(KEYS[1], start + args.count * args.step, present)
return start - present
