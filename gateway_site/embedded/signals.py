"""Ctrl-C and its relatives, remembered as a flag that every wait looks at.

A flag rather than an exception raised by the handler: an exception may strike between the start of
a child and the line that remembers it.
"""

import signal
import time
from collections.abc import Callable
from types import FrameType

from gateway_site.embedded.errors import StopRequested

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SLICE_SECONDS = 0.1
# `make` passes on what the whole process group was sent: the same request may come twice.
_ECHO_SECONDS = 1.0


def handle_stop_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    """Call ``handler`` on each stop signal, but leave a SIGHUP that nohup(1) has switched off."""
    for number in STOP_SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


class StopSignal:
    """Whether a stop signal has arrived."""

    def __init__(self) -> None:
        self.arrived = False
        self._deaf_until = 0.0

    def listen(self) -> None:
        """Take over SIGINT, SIGTERM and SIGHUP (a closed terminal). Main thread only."""
        handle_stop_signals(self._remember)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if time.monotonic() > self._deaf_until:
            self.arrived = True

    def clear(self) -> None:
        """Forget what has arrived, so that the next signal can be told apart from the last."""
        self.arrived = False
        self._deaf_until = time.monotonic() + _ECHO_SECONDS

    def pause(self, seconds: float) -> None:
        """Sleep for ``seconds``; raise ``StopRequested`` as soon as a stop signal has arrived.

        Sleeps in slices, because Python resumes ``time.sleep`` after a handler (PEP 475).
        """
        deadline = time.monotonic() + seconds
        while True:
            if self.arrived:
                raise StopRequested
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _SLICE_SECONDS))
