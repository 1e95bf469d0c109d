"""What Valkey does for the hand-out of permits, each step in one go (see permits.py)."""

from __future__ import annotations

TAKE = """
local now = tonumber(ARGV[1])
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local out = {}
for at = 1, #KEYS / 4 do
  local k, a = (at - 1) * 4, (at - 1) * 11 + 1
  local want, rate = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2])
  local span, ahead, slack = tonumber(ARGV[a + 9]), tonumber(ARGV[a + 10]), tonumber(ARGV[a + 11])
  local given, start, why, wait, lost = want, now, 0, 0, nil
  local whole = redis.call('GET', KEYS[k + 4])
  for turn = 2, 3 do
    local limit = tonumber(ARGV[a + turn * 3 - 3])
    if limit > 0 and not lost then
      local begin, ends = tonumber(ARGV[a + turn * 3 - 2]), tonumber(ARGV[a + turn * 3 - 1])
      local used = redis.call('GET', KEYS[k + turn])
      if not used and (not whole or tonumber(whole) > begin * 1000000) then
        lost = {begin, turn}
      else
        local left = math.max(limit - tonumber(used or '0'), 0)
        if left == 0 and given > 0 then why, wait = turn, ends * 1000000 - now end
        -- A part of it: what one worker holds another cannot have.
        given = math.min(given, left, math.max(math.floor(left / 8), 25))
      end
    end
  end
  if lost then
    out[at] = {-1, lost[1], lost[2], 0}
  else
    if rate > 0 and given > 0 then
      local step = 1000000 / rate
      local beat = redis.call('GET', KEYS[k + 1])
      -- Where nothing was sent for long there is a small credit for who cannot wait for a moment.
      local fresh = ahead == 0 and now - 50000 or now
      start = beat and math.max(now - slack, tonumber(beat)) or fresh
      if start > now + ahead then
        given, why, wait = 0, 1, start - now - ahead
      else
        local most = math.max(1, math.floor(span / step))
        if ahead == 0 then most = math.floor((now - start) / step) + 1 end
        given = math.min(given, most)
        local beyond = start + given * step
        redis.call('SET', KEYS[k + 1], string.format('%.0f', beyond),
                   'PX', string.format('%.0f', math.max(beyond - now, 0) / 1000 + 10000))
      end
    end
    for turn = 2, 3 do
      if tonumber(ARGV[a + turn * 3 - 3]) > 0 and given > 0 then
        redis.call('INCRBY', KEYS[k + turn], given)
        redis.call('EXPIREAT', KEYS[k + turn], tonumber(ARGV[a + turn * 3 - 1]) + 3600)
      end
    end
    out[at] = {given, start - now, why, wait}
  end
end
return out
"""
# Unused ones: the counters go back, and the schedule does as far as it lies ahead.
BACK = """
local count, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
for at = 2, 3 do
  if redis.call('EXISTS', KEYS[at]) == 1 then redis.call('DECRBY', KEYS[at], count) end
end
local beat = redis.call('GET', KEYS[1])
if rate > 0 and beat then
  local clock = redis.call('TIME')
  local now = clock[1] * 1000000 + clock[2]
  local back = math.max(tonumber(beat) - count * 1000000 / rate, math.min(tonumber(beat), now))
  redis.call('SET', KEYS[1], string.format('%.0f', back), 'KEEPTTL')
end
"""
# Used without asking: counted where the counter is whole, and the next one's turn is later.
SPEND = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local count, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local whole = redis.call('GET', KEYS[4])
for turn = 2, 3 do
  local limit, begin = tonumber(ARGV[turn * 3 - 3]), tonumber(ARGV[turn * 3 - 2])
  local known = whole and tonumber(whole) <= begin * 1000000
  if limit > 0 and (known or redis.call('EXISTS', KEYS[turn]) == 1) then
    redis.call('INCRBY', KEYS[turn], count)
    redis.call('EXPIREAT', KEYS[turn], tonumber(ARGV[turn * 3 - 1]) + 3600)
  end
end
if rate > 0 then
  local beat = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0')) + count * 1000000 / rate
  redis.call('SET', KEYS[1], string.format('%.0f', beat),
             'PX', string.format('%.0f', (beat - now) / 1000 + 10000))
end
"""
COUNTED = """
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EXAT', ARGV[2])
local clock = redis.call('TIME')
redis.call('SET', KEYS[2], string.format('%.0f', clock[1] * 1000000 + clock[2]), 'NX')
redis.call('EXPIRE', KEYS[2], 604800)
"""
# A place among so many; a holder that is silent for too long has lost it.
ENTER = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local most, seconds = tonumber(ARGV[1]), tonumber(ARGV[2])
local got = 0
for at = 3, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[at]) or redis.call('ZCARD', KEYS[1]) < most then
    redis.call('ZADD', KEYS[1], now + seconds * 1000000, ARGV[at])
    got = got + 1
  end
end
redis.call('EXPIRE', KEYS[1], seconds * 2)
return got
"""
# Moments in line behind all who were put off before: the first one of `count`.
QUEUE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local count, step, floor = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tail = tonumber(redis.call('GET', KEYS[1]) or '0')
local start = math.max(now + floor, tail)
redis.call('SET', KEYS[1], string.format('%.0f', start + count * step),
           'PX', string.format('%.0f', (start - now + count * step) / 1000 + 10000))
return start - now
"""
# A place that refuses again and again is left alone for ever longer, up to an end.
HEARD = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local scope, good, bad = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if good > 0 then
  redis.call('HDEL', KEYS[1], scope)
  return 0
end
local strikes, level, till = string.match(
  redis.call('HGET', KEYS[1], scope) or '0 0 0', '(%d+) (%d+) (%d+)')
strikes, level, till = tonumber(strikes) + bad, tonumber(level), tonumber(till)
if strikes >= tonumber(ARGV[4]) and till <= now then
  level = level + 1
  local wait = math.min(tonumber(ARGV[5]) * 2 ^ (level - 1), tonumber(ARGV[6]))
  till = now + wait * tonumber(ARGV[7])
end
redis.call('HSET', KEYS[1], scope, string.format('%.0f %.0f %.0f', strikes, level, till))
redis.call('EXPIRE', KEYS[1], 86400)
return till
"""

# Only where there is one: who adds may not know that it has been forgotten.
ADD = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  local total = redis.call('INCRBY', KEYS[1], ARGV[1])
  if total >= tonumber(ARGV[2]) then redis.call('DEL', KEYS[1]) end
end
"""
ALL = (TAKE, BACK, SPEND, COUNTED, ENTER, QUEUE, HEARD, ADD)
