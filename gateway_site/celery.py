"""The Celery application: workers run sweeps, beat keeps the clock."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")

app = Celery("gateway")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Django's settings have configured it; Celery must not."""


@worker_ready.connect
def _sing_at_once(**_: Any) -> None:
    """A worker that has just started need not wait for beat to be counted as ready."""
    app.send_task("gateway_site.tasks.sing", expires=60)
