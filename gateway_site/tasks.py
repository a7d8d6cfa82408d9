"""The canary: proof that beat, broker and worker pass work on."""

import time

from celery import shared_task

from accounts.redis import connection

CANARY_KEY = "canary:default"


@shared_task
def sing() -> None:
    """Note the time; `/readyz` looks at how long ago that was."""
    connection().set(CANARY_KEY, int(time.time()))
