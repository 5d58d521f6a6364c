"""The rules for hosts, kept by Redis, each step atomic and by its own clock. Times in microseconds.

A host has a hash (`full_at` of its rate, `silent_until`, `level` of back-off, `failures` in a
row, `open_until` and `opens` of its circuit, `probe` under way, `turn` of its queue, statistics)
and a sorted set of slots by the end of their leases; all hosts are in one sorted set.
"""

_CLOCK = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local function number(field) return tonumber(redis.call('HGET', KEYS[1], field) or 0) end
local function text(value) return string.format('%.0f', value) end
local function set(field, value) redis.call('HSET', KEYS[1], field, text(value)) end
"""

ENTER = (
    _CLOCK
    + """
local token, most, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local window, step = tonumber(ARGV[4]), tonumber(ARGV[5])
local silent_for, open_for = tonumber(ARGV[7]), tonumber(ARGV[8])
if ARGV[9] == '1' or redis.call('EXISTS', KEYS[1]) == 0 then
    if silent_for > 0 then
        set('silent_until', math.max(number('silent_until'), now + silent_for))
    end
    if open_for > 0 then set('open_until', math.max(number('open_until'), now + open_for)) end
    if silent_for > 0 or open_for > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[6]) end
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now))
local open_until = number('open_until')
local ready_at = math.max(open_until, open_until > 0 and number('probe_until') or 0)
if ready_at > now then
    return {'open', ready_at - now, redis.call('HGET', KEYS[1], 'last_error') or ''}
end
local silent_until = number('silent_until')
if silent_until > now then return {'silent', silent_until - now, ''} end
if redis.call('ZCARD', KEYS[2]) >= most then
    return {'busy', math.max(0, number('turn') - now), ''}
end
local full_at = math.max(number('full_at'), now) + step
if full_at - now > window then return {'rate', full_at - now - window, ''} end
set('full_at', full_at)
if open_until > 0 then
    set('probe_until', now + lease)
    redis.call('HSET', KEYS[1], 'probe', token)
end
redis.call('ZADD', KEYS[2], text(now + lease), token)
redis.call('PEXPIRE', KEYS[2], math.ceil(lease / 1000))
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return {'', 0, ''}
"""
)
"""KEYS host, slots. ARGV token, concurrency, lease, window, step, kept ms, and the pauses that the
caller remembers: silence, circuit, and whether they are news. Gives hold, wait, last error.

A Redis that knows the host and was told of its pauses is right, whatever the caller remembers:
somebody may have reset them. One that knows nothing of the host has lost what it had."""

LEAVE = (
    _CLOCK
    + """
local token, verdict, code = ARGV[1], ARGV[2], ARGV[3]
local jitter = tonumber(ARGV[7])
redis.call('ZREM', KEYS[2], token)
local probing = redis.call('HGET', KEYS[1], 'probe') == token
if probing then redis.call('HDEL', KEYS[1], 'probe', 'probe_until') end
if verdict == 'alive' or verdict == 'overloaded' then
    redis.call('HDEL', KEYS[1], 'failures', 'open_until', 'opens')
end
if verdict == 'alive' and number('silent_until') <= now then
    redis.call('HDEL', KEYS[1], 'level')
elseif verdict == 'overloaded' then
    local pause, asked = 0, tonumber(ARGV[6])
    if asked >= 0 then
        pause = math.min(asked, tonumber(ARGV[9]))
    elseif number('silent_until') <= now then
        local level = math.min(redis.call('HINCRBY', KEYS[1], 'level', 1), 40)
        pause = math.min(tonumber(ARGV[8]) * 2 ^ (level - 1), tonumber(ARGV[9])) * jitter
    end
    set('silent_until', math.max(number('silent_until'), now + pause))
elseif verdict == 'unreachable' then
    local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
    local open = number('open_until') > now
    if not open and (probing or failures >= tonumber(ARGV[10])) then
        local opens = math.min(redis.call('HINCRBY', KEYS[1], 'opens', 1), 40)
        local pause = math.min(tonumber(ARGV[11]) * 2 ^ (opens - 1), tonumber(ARGV[12]))
        set('open_until', now + pause * jitter)
    end
end
redis.call('HINCRBY', KEYS[1], 'requests', 1)
redis.call('HINCRBY', KEYS[1], 'bytes', ARGV[4])
redis.call('HINCRBY', KEYS[1], 'busy', ARGV[5])
redis.call('HINCRBY', KEYS[1], 'code:' .. code, 1)
if verdict ~= 'nothing' then
    local pace = number('pace')
    set('pace', pace == 0 and ARGV[5] or pace * 0.8 + ARGV[5] * 0.2)
end
if ARGV[15] == '1' then
    redis.call('HSET', KEYS[1], 'last_error', code)
    set('last_error_at', now)
end
redis.call('PEXPIRE', KEYS[1], ARGV[13])
redis.call('ZADD', KEYS[3], text(now), ARGV[14])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', text(now - ARGV[13] * 1000))
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -1 - tonumber(ARGV[16]))
redis.call('PEXPIRE', KEYS[3], ARGV[13])
return {math.max(0, number('silent_until') - now), math.max(0, number('open_until') - now)}
"""
)
"""KEYS host, slots, hosts. ARGV token, verdict, code, bytes, duration, Retry-After or -1, jitter,
first and longest back-off, failures, first and longest opening, kept ms, host's name, is an error,
most hosts. Gives the time that is left of the host's silence and of its open circuit."""

TURN = (
    _CLOCK
    + """
local from = math.max(now, number('silent_until'))
local pace = number('pace')
local step = math.max(tonumber(ARGV[2]), (pace == 0 and 1000000 or pace) / tonumber(ARGV[1]))
local turn = math.min(math.max(number('turn'), from) + step, from + tonumber(ARGV[3]))
set('turn', turn)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return math.ceil(turn - now)
"""
)
"""KEYS host. ARGV concurrency, step of the rate, longest queue, kept ms. Gives the wait."""

RESET = """
redis.call('HDEL', KEYS[1], 'failures', 'open_until', 'opens', 'probe', 'probe_until',
    'silent_until', 'level', 'turn')
return redis.call('EXISTS', KEYS[1])
"""

LOOK = (
    _CLOCK
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now))
return {redis.call('HGETALL', KEYS[1]), redis.call('ZCARD', KEYS[2]), now,
    redis.call('ZSCORE', KEYS[3], ARGV[1]) or ''}
"""
)
"""KEYS host, slots, hosts. ARGV the host's name. Gives fields, slots in use, now, last request."""

LIST = """
return redis.call('ZREVRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1)
"""
