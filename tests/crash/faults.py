"""Where a process of the gateway kills itself when a test asks for it.

A test asks by making a file in CRASH_FAULTS whose name is the step. The first process that comes by
removes the file, and itself: one request, one death.
"""

import os
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from celery import current_task
from django.apps import AppConfig
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse

FOLDER = Path(os.environ["CRASH_FAULTS"])
PUBLISHED = FOLDER / "published"


def die_if_asked(step: str) -> None:
    """Let SIGKILL end this process if the test wants it to die at `step`."""
    try:
        (FOLDER / step).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def die_around_commit(*, tenant: object, drafts: Sequence[object]) -> list[None]:
    """A policy. It is asked before anything is stored, and registers before the nudge does."""
    die_if_asked("before_commit")
    transaction.on_commit(partial(die_if_asked, "on_commit"))
    return [None] * len(drafts)


class DieBeforeReply:
    """A middleware: everything is done and committed, and the client does not know it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if request.method == "POST":
            die_if_asked("before_reply")
        return response


class Faults(AppConfig):
    """Lets a task die before its first INSERT: the rows are changed, their events not written."""

    name = "tests.crash"

    def ready(self) -> None:
        connection_created.connect(_watch_statements, dispatch_uid="crash")


def _watch_statements(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    if _die_in_task not in connection.execute_wrappers:
        connection.execute_wrappers.append(_die_in_task)


def _die_in_task(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
    if current_task and str(sql).startswith("INSERT"):
        die_if_asked(current_task.name)
    return execute(sql, params, many, context)


def note_published(events: Sequence[Any]) -> None:
    """An event handler: one line for each event, though its transaction may yet roll back."""
    with PUBLISHED.open("a") as file:
        file.write(
            "".join(
                f"{event.name} {event.message_id}\n"
                for event in events
                if hasattr(event, "message_id")
            )
        )
