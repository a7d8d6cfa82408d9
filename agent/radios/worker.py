"""One thread that owns a thing which blocks and may hang, such as a modem driver.

A call that has not begun when its time is up is taken back: it certainly did nothing. A call that
has begun cannot be stopped, so its thread is given up together with the thing that it owns, and the
next call starts both anew.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

Owned = TypeVar("Owned")
T = TypeVar("T")
Job = tuple["Future[Any]", Callable[[Owned], Any]]


class NotBegun(Exception):
    """The time was up before the thread came to this call."""


class NotConnected(Exception):
    """The thing could not be made, so this call did nothing; `__cause__` says why."""


class Worker(Generic[Owned]):
    """`connect` makes the thing, `is_broken` says after which errors of calls it is made anew.

    Both are called in the thread.
    """

    def __init__(
        self, connect: Callable[[], Owned], is_broken: Callable[[Exception], bool]
    ) -> None:
        self._connect = connect
        self._is_broken = is_broken
        self._jobs: queue.Queue[Job[Owned] | None] | None = None

    async def call(self, work: Callable[[Owned], T], seconds: float) -> T:
        """Run `work` on the thing, after the calls before it.

        Raises what `work` raised, NotBegun or NotConnected, or TimeoutError if nobody knows.
        """
        future: Future[T] = Future()
        self._start().put((future, work))
        answer = asyncio.wrap_future(future)
        answer.add_done_callback(lambda late: late.cancelled() or late.exception())  # not logged
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(answer)
        except asyncio.CancelledError:
            future.cancel()  # what has not begun never does
            raise
        except TimeoutError:
            if future.done():
                return future.result()
            if future.cancel():
                raise NotBegun(f"the modem was still busy after {seconds:.3g} s") from None
            self._give_up()
            raise TimeoutError(f"the modem gave no answer within {seconds:.3g} s") from None

    def close(self) -> None:
        """End the thread after what it does now; nobody waits for it."""
        if self._jobs is not None:
            self._jobs.put(None)
            self._jobs = None

    def _start(self) -> "queue.Queue[Job[Owned] | None]":
        if self._jobs is None:
            self._jobs = queue.Queue()
            # A daemon: a thread that hangs in a driver must not keep the process from ending.
            threading.Thread(target=self._work, args=(self._jobs,), daemon=True).start()
        return self._jobs

    def _give_up(self) -> None:
        """Leave the thread to its fate; what still waits moves to the next one."""
        if (stuck := self._jobs) is None:
            return
        self._jobs = None
        waiting: list[Job[Owned] | None] = []
        while True:
            try:
                waiting.append(stuck.get_nowait())
            except queue.Empty:
                break
        stuck.put(None)
        for job in waiting:
            self._start().put(job)

    def _work(self, jobs: "queue.Queue[Job[Owned] | None]") -> None:
        owned: Owned | None = None
        while (job := jobs.get()) is not None:
            future, work = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                owned = owned if owned is not None else self._make()
                future.set_result(work(owned))
            except Exception as error:
                if self._is_broken(error):
                    owned = None
                future.set_exception(error)

    def _make(self) -> Owned:
        try:
            return self._connect()
        except Exception as error:
            raise NotConnected(str(error)) from error
