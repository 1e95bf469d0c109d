-- Hand out permits, each ask on its own: per second by a schedule (GCRA), per hour and day by counters.
-- KEYS: for each ask its schedule, its hour's counter, its day's counter, and since when it counts.
-- args.now: replaces the clock unless 0; args.asks: see Ask in permits.py.
-- Returns for each ask: count, start, what is used up (0 nothing, 1 second, 2 hour, 3 day), wait;
-- or for a counter that was lost: -1, when its span began (seconds), which (2 hour, 3 day), 0.
local SECOND, HOUR, DAY = 1, 2, 3
local present = args.now > 0 and args.now or now()

local function answer(ask, schedule_key, counters, counting_since)
  local given, start, why, wait = ask.want, present, 0, 0
  for _, counter in ipairs(counters) do
    local span = counter.span
    if span.limit > 0 then
      local used = redis.call('GET', counter.key)
      if not used and (not counting_since or counting_since > span.begins * 1000000) then
        return {-1, span.begins, counter.kind, 0}
      end
      local left = math.max(span.limit - tonumber(used or '0'), 0)
      if left == 0 and given > 0 then
        why, wait = counter.kind, span.ends * 1000000 - present
      end
      -- A part of it: what one worker holds another cannot have.
      given = math.min(given, left, math.max(math.floor(left / 8), 25))
    end
  end
  if ask.per_second > 0 and given > 0 then
    local step = 1000000 / ask.per_second
    local next_free = redis.call('GET', schedule_key)
    if next_free then
      start = math.max(present - ask.slack, tonumber(next_free))
    elseif ask.ahead == 0 then
      -- Nothing was sent for long: a small credit for who cannot wait for a moment.
      start = present - 50000
    end
    if start > present + ask.ahead then
      given, why, wait = 0, SECOND, start - present - ask.ahead
    else
      local most = math.max(1, math.floor(ask.span / step))
      if ask.ahead == 0 then
        most = math.floor((present - start) / step) + 1
      end
      given = math.min(given, most)
      keep_until(schedule_key, start + given * step, present)
    end
  end
  for _, counter in ipairs(counters) do
    if counter.span.limit > 0 and given > 0 then
      redis.call('INCRBY', counter.key, given)
      redis.call('EXPIREAT', counter.key, counter.span.ends + 3600)
    end
  end
  return {given, start - present, why, wait}
end

local answers = {}
for number, ask in ipairs(args.asks) do
  local first = (number - 1) * 4
  local counters = {
    {kind = HOUR, key = KEYS[first + 2], span = ask.hour},
    {kind = DAY, key = KEYS[first + 3], span = ask.day},
  }
  local counting_since = redis.call('GET', KEYS[first + 4])
  answers[number] = answer(ask, KEYS[first + 1], counters, counting_since and tonumber(counting_since))
end
return answers
