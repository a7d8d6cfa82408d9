"""The canary: proof that beat, broker and worker pass work on."""

import time

from celery import shared_task

from accounts.redis import connection


def canary_key(queue: str) -> str:
    """Where the canary of a queue notes when it sang last (Unix seconds)."""
    return f"canary:{queue}"


@shared_task
def sing(queue: str) -> None:
    """Note the time; `/readyz` looks at how long ago that was. Sent through the queue `queue`."""
    connection().set(canary_key(queue), int(time.time()))
