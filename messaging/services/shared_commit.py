"""Concurrent work that shares one commit.

A commit costs the same for one row as for twenty. The first thread to come does the work at once;
those that come meanwhile wait, and the next of them does the work of all who wait. Nobody waits for
company, so a lone request is as fast as without this, and under load the cost of a transaction is
divided by the number of requests in it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Ticket(Generic[Item, Result]):
    """One thread's item: it is woken with a result, or to lead, or to work alone."""

    __slots__ = ("is_done", "item", "result", "woken")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.result: Result | None = None
        self.is_done = False
        self.woken = threading.Event()


class SharedCommit(Generic[Item, Result]):
    """`work` takes the items of several threads and returns their results, in one transaction.

    When it raises, everything is rolled back and each thread works for itself: one bad item can
    neither fail nor block the others.
    """

    def __init__(
        self, work: Callable[[list[Item]], list[Result]], *, at_most: int, leaders: int
    ) -> None:
        self._work = work
        self._at_most = at_most
        self._lock = threading.Lock()
        self._waiting: list[_Ticket[Item, Result]] = []
        self._leaders_free = leaders

    def submit(self, item: Item) -> Result:
        """The result for `item`, after the commit; raises what `work` raises for it alone."""
        ticket: _Ticket[Item, Result] = _Ticket(item)
        with self._lock:
            must_wait = self._leaders_free == 0
            if must_wait:
                self._waiting.append(ticket)
            else:
                self._leaders_free -= 1
        if must_wait:
            ticket.woken.wait()
        if not ticket.is_done:
            self._lead(ticket)
        if ticket.result is None:
            (ticket.result,) = self._work([item])
        return ticket.result

    def _lead(self, ticket: _Ticket[Item, Result]) -> None:
        """Work for this thread and those that wait, then hand over to the next who came."""
        with self._lock:
            others = self._waiting[: self._at_most - 1]
            del self._waiting[: self._at_most - 1]
        crew = [ticket, *others]
        try:
            for member, result in zip(
                crew, self._work([member.item for member in crew]), strict=True
            ):
                member.result = result
        except Exception as error:
            log.warning("a shared commit failed", items=len(crew), error=repr(error))
        finally:
            for member in crew:
                member.is_done = True
                member.woken.set()
            with self._lock:
                successor = self._waiting.pop(0) if self._waiting else None
                if successor is None:
                    self._leaders_free += 1
            if successor is not None:
                successor.woken.set()
