import os
import signal
import subprocess
import sys
import time

import pytest

from gateway_site.embedded.config import BASE_DIR
from gateway_site.embedded.errors import StopRequested
from gateway_site.embedded.signals import STOP_SIGNALS, StopSignal


@pytest.fixture
def stop():
    """A StopSignal that listens; the handlers of the test runner come back afterwards."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    stop = StopSignal()
    stop.listen()
    yield stop
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_pause_ends_early_on_a_stop_signal(stop: StopSignal, number: signal.Signals):
    started = time.monotonic()
    os.kill(os.getpid(), number)
    with pytest.raises(StopRequested):
        stop.pause(30)
    assert time.monotonic() - started < 5


def test_signal_that_comes_twice_at_once_counts_once(stop: StopSignal):
    os.kill(os.getpid(), signal.SIGTERM)
    stop.clear()
    os.kill(os.getpid(), signal.SIGTERM)
    stop.pause(0)
    assert stop.arrived is False


def test_hangup_that_nohup_has_switched_off_stays_off():
    code = (
        "import os, signal; from gateway_site.embedded.signals import StopSignal\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "stop = StopSignal(); stop.listen(); os.kill(os.getpid(), signal.SIGHUP); stop.pause(0)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=BASE_DIR, timeout=30).returncode == 0
