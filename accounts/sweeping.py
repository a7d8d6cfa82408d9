"""Periodic work over many rows: batch after batch, in one process at a time."""

from collections.abc import Callable

from accounts.locks import advisory_lock


def sweep_once(batch: Callable[[], int], *, at_once: int, most: int) -> int:
    """Run `batch` until nothing or `most` rows are done; how many were.

    A batch does up to `at_once` rows and returns how many. While another worker has the same one
    in hand, nothing is done: its lock is named for the app and the function.
    """
    done = 0
    app = batch.__module__.partition(".")[0]
    with advisory_lock(f"{app}.{batch.__name__}") as is_mine:
        while is_mine and done < most:
            changed = batch()
            done += changed
            if changed < at_once:
                break
    return done
