"""The Celery application: workers run sweeps, beat keeps the clock."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")

# One of each worker's: a canary through it shows that the worker takes tasks.
WATCHED_QUEUES = ("default", "webhooks")

app = Celery("gateway")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Django's settings have configured it; Celery must not."""


@worker_ready.connect
def _sing_at_once(sender: Any, **_: Any) -> None:
    """A worker that has just started need not wait for beat to be counted as ready."""
    for queue in WATCHED_QUEUES:
        if queue in sender.app.amqp.queues.consume_from:
            app.send_task("gateway_site.tasks.sing", [queue], queue=queue, expires=60)
