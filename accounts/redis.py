"""The one connection pool to Redis for counters and canaries (never for facts)."""

from functools import cache

import redis
from django.conf import settings


@cache
def connection() -> "redis.Redis":
    """A thread-safe client that gives up quickly: nothing in Redis is worth waiting for."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5, decode_responses=True
    )
