-- Add to a number only where there is one: who adds may not know that it has been forgotten.
-- KEYS: the number. args: number, enough (it is forgotten then).
if redis.call('EXISTS', KEYS[1]) == 1 then
  if redis.call('INCRBY', KEYS[1], args.number) >= args.enough then
    redis.call('DEL', KEYS[1])
  end
end
