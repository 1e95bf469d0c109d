-- Stands before each script. Moments and spans are in microseconds, of Valkey's clock.
local args = cjson.decode(ARGV[1])

local function now()
  local clock = redis.call('TIME')
  return clock[1] * 1000000 + clock[2]
end

-- As a whole number: Lua would write large ones with an exponent.
local function whole(number)
  return string.format('%.0f', number)
end

-- Keep a moment until it is over, and ten seconds longer.
local function keep_until(key, moment, present)
  redis.call('SET', key, whole(moment), 'PX', whole(math.max(moment - present, 0) / 1000 + 10000))
end
