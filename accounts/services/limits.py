"""Atomic rate limits: fixed windows counted in Redis.

One script call counts and reads at once, so N parallel requests at a limit of M let exactly M pass.
"""

import threading
import time
from dataclasses import dataclass

import redis
import structlog
from redis.commands.core import Script

from accounts.errors import RateLimited
from accounts.redis import connection

log = structlog.get_logger(__name__)

# KEYS[1] the counter; ARGV[1] the window in ms; ARGV[2] the cost. -> {count, ms left}
_COUNT = """
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}
"""
# After a failure Redis is left alone for this long, so that an outage does not slow every request.
_REST_SECONDS = 5.0

_script: Script | None = None
_lock = threading.Lock()
_resting_until = 0.0


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` uses in `seconds`; `name` and the caller's subject make the counter."""

    name: str
    count: int
    seconds: int
    # Counters that guard against guessing refuse when Redis is away; others let pass.
    fails_open: bool = True


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit: uses remaining and seconds until it is whole again."""

    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """The `RateLimit-*` headers of the native contract."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }


def spend(limit: Limit, subject: str, cost: int = 1) -> Allowance:
    """Count `cost` uses by `subject`.

    Raises RateLimited, with `Retry-After`, when that is more than the limit allows.
    """
    counted = _count(f"limit:{limit.name}:{subject}", limit.seconds * 1000, cost)
    if counted is None:
        if not limit.fails_open:
            raise RateLimited(headers={"Retry-After": str(int(_REST_SECONDS))})
        return Allowance(limit.count, limit.count, limit.seconds)
    used, milliseconds_left = counted
    reset = -(-milliseconds_left // 1000)
    allowance = Allowance(limit.count, max(0, limit.count - used), reset)
    if used > limit.count:
        raise RateLimited(headers={**allowance.headers(), "Retry-After": str(max(1, reset))})
    return allowance


def _count(key: str, window_ms: int, cost: int) -> tuple[int, int] | None:
    """(count, ms left in the window), or None when Redis is away."""
    global _script, _resting_until
    if time.monotonic() < _resting_until:
        return None
    try:
        with _lock:
            if _script is None:
                _script = connection().register_script(_COUNT)
        count, left = _script(keys=[key], args=[window_ms, cost])
    except redis.RedisError as error:
        _resting_until = time.monotonic() + _REST_SECONDS
        log.warning("rate limits are off: no Redis", error=str(error))
        return None
    return int(count), int(left)
