-- A counter that was lost, counted again from the rows, unless somebody was quicker.
-- KEYS: the counter, since when its limit counts. args: count, forget_at (seconds).
redis.call('SET', KEYS[1], whole(args.count), 'NX', 'EXAT', whole(args.forget_at))
redis.call('SET', KEYS[2], whole(now()), 'NX')
redis.call('EXPIRE', KEYS[2], 604800)
