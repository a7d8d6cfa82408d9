"""Waiting for another process: always for something, never longer than a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_SECONDS = 0.02


def until(
    condition: Callable[[], T],
    what: str,
    seconds: float = 40.0,
    every: float = LOOK_EVERY_SECONDS,
) -> T:
    """Ask until the answer is true and return it; AssertionError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {seconds:g} s: {what}.")
        time.sleep(every)
    return answer
