"""Calls from a lower app to those above it, named by dotted path in the settings.

Imports point downwards only (docs/architecture.md), so a lower app tells the others through a list
of functions that the composition chooses. A system check imports every one at start.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string


@cache
def listeners(setting: str) -> tuple[Callable[..., Any], ...]:
    """The functions named in the list `settings.<setting>`; raises ImportError for a wrong path."""
    return tuple(import_string(path) for path in getattr(settings, setting))


def _forget(**_: Any) -> None:
    listeners.cache_clear()


setting_changed.connect(_forget, dispatch_uid="accounts.upward")
