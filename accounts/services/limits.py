"""Atomic rate limits: fixed windows counted in Redis.

A script grants uses and counts them at once, so N parallel requests at a limit of M let exactly M
pass. Of a large limit a process takes a five-hundredth at a time and spends that by itself: one
question to Redis for a dozen requests, and never more in all than the limit.
"""

import threading
import time
from dataclasses import dataclass

import redis
import structlog
from redis.commands.core import Script

from accounts.errors import RateLimited, Unavailable
from accounts.redis import connection

log = structlog.get_logger(__name__)

# KEYS[1] the counter; ARGV[1] the limit, [2] the window in ms, [3] the uses wanted, [4] those
# needed. -> {uses granted, uses counted in all, ms left of the window}
_GRANT = """
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local granted = math.min(tonumber(ARGV[3]), tonumber(ARGV[1]) - used)
if granted < tonumber(ARGV[4]) then granted = 0 end
if granted > 0 then used = redis.call('INCRBY', KEYS[1], granted) end
local left = redis.call('PTTL', KEYS[1])
if left == -1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if left < 0 then left = tonumber(ARGV[2]) end
return {granted, used, left}
"""
_SHARE = 500
# After a failure Redis is left alone for this long, so that an outage does not slow every request.
_REST_SECONDS = 5.0


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


@dataclass(slots=True)
class _Purse:
    """Uses that this process took and has not spent; `remaining` is what was left beyond them."""

    uses: int
    remaining: int
    ends_at: float  # time.monotonic()


_purses: dict[str, _Purse] = {}
_lock = threading.Lock()
_script: Script | None = None
_resting_until = 0.0


def spend(limit: Limit, subject: str, cost: int = 1) -> Allowance:
    """Count `cost` uses by `subject`; 0 only looks.

    Raises RateLimited, with `Retry-After`, when that is more than the limit allows, and Unavailable
    without Redis when the limit fails closed.
    """
    key = f"limit:{limit.name}:{subject}"
    with _lock:
        purse = _purses.get(key)
        if purse is not None and purse.uses >= cost and purse.ends_at > time.monotonic():
            purse.uses -= cost
            return _allowance(limit, purse)
    purse = _fill_purse(key, limit, cost)
    if purse is None:
        if not limit.fails_open:
            raise Unavailable("The gateway cannot count tries right now. Try again.")
        return Allowance(limit.count, limit.count, limit.seconds)
    allowance = _allowance(limit, purse)
    if purse.uses < 0:
        retry_after = str(max(1, allowance.reset_seconds))
        raise RateLimited(headers={**allowance.headers(), "Retry-After": retry_after})
    return allowance


def forget_purses() -> None:
    """Drop what this process has taken, as if the windows had ended."""
    global _resting_until
    with _lock:
        _purses.clear()
        _resting_until = 0.0


def _allowance(limit: Limit, purse: _Purse) -> Allowance:
    seconds = max(0.0, purse.ends_at - time.monotonic())
    return Allowance(limit.count, max(0, purse.uses) + purse.remaining, -int(-seconds // 1))


def _fill_purse(key: str, limit: Limit, cost: int) -> _Purse | None:
    """Take uses from Redis and spend `cost` of them; negative uses = refused, None = no Redis."""
    global _script, _resting_until
    if time.monotonic() < _resting_until:
        return None
    wanted = max(cost, limit.count // _SHARE) if cost else 0
    try:
        if _script is None:
            _script = connection().register_script(_GRANT)
        answer = _script(keys=[key], args=[limit.count, limit.seconds * 1000, wanted, cost])
    except redis.RedisError as error:
        _resting_until = time.monotonic() + _REST_SECONDS
        log.warning("rate limits are off: no Redis", error=str(error))
        return None
    granted, used, left_ms = (int(number) for number in answer)
    purse = _Purse(granted - cost, max(0, limit.count - used), time.monotonic() + left_ms / 1000)
    if purse.uses > 0:
        _keep(key, purse)
    return purse


def _keep(key: str, purse: _Purse) -> None:
    """Put `purse` where the next use finds it, together with what another thread has put there."""
    with _lock:
        held = _purses.get(key)
        if held is not None and held.ends_at > time.monotonic():
            purse.uses += held.uses
        if len(_purses) > 10_000:
            _purses.clear()
        _purses[key] = purse
