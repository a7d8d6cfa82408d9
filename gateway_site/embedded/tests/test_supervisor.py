import os
import sys
from pathlib import Path

import pytest

from gateway_site.embedded.process import Program
from gateway_site.embedded.readiness import Readiness
from gateway_site.embedded.signals import StopSignal
from gateway_site.embedded.supervisor import Supervisor
from gateway_site.embedded.tests.liveness import is_running
from gateway_site.embedded.watchdog import WorkerWatchdog

# Appends its process id to starts.txt, and its name to ends.txt when it is asked to stop.
STEADY = (
    "import os, pathlib, signal, sys\n"
    "def end(*_):\n"
    "    pathlib.Path('ends.txt').open('a').write(sys.argv[1] + ' ')\n"
    "    sys.exit()\n"
    "signal.signal(signal.SIGTERM, end)\n"
    "pathlib.Path('starts.txt').open('a').write(f'{os.getpid()} ')\n"
    "while True: signal.pause()\n"
)


def python(folder: Path, name: str, code: str) -> Program:
    return Program(name, [sys.executable, "-c", code, name], os.environ, cwd=folder)


def words(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


class Said(list[str]):
    """What the supervisor said; also a deadline for each wait."""

    def until(self, supervisor: Supervisor, condition, seconds: float = 10) -> None:
        for _ in range(int(seconds / 0.05)):
            if condition():
                return
            supervisor.pause(0.05)
        pytest.fail(f"waited in vain; said: {self}")


def test_supervisor_starts_a_dead_program_again_and_says_so(tmp_path: Path):
    said = Said()
    with Supervisor(tmp_path, said.append, StopSignal()) as supervisor:
        supervisor.start(python(tmp_path, "web", "open('starts.txt', 'a').write('x ')"))
        said.until(supervisor, lambda: len(words(tmp_path / "starts.txt")) == 2)
    log = tmp_path / "web.log"
    assert said[0] == f"web ended with code 0; starting it again in 0.5 s (see {log})."


def test_supervisor_waits_twice_as_long_after_the_second_death(tmp_path: Path):
    said = Said()
    with Supervisor(tmp_path, said.append, StopSignal()) as supervisor:
        supervisor.start(python(tmp_path, "web", "raise SystemExit(3)"))
        said.until(supervisor, lambda: len(said) == 2)
    assert said[1] == f"web ended with code 3; starting it again in 1 s (see {tmp_path}/web.log)."


def test_supervisor_stops_in_reverse_order(tmp_path: Path):
    said = Said()
    with Supervisor(tmp_path, said.append, StopSignal()) as supervisor:
        for number, name in enumerate(("first", "second", "third"), start=1):
            supervisor.start(python(tmp_path, name, STEADY))
            said.until(
                supervisor, lambda number=number: len(words(tmp_path / "starts.txt")) == number
            )
    assert words(tmp_path / "ends.txt") == ["third", "second", "first"]
    assert [is_running(int(pid)) for pid in words(tmp_path / "starts.txt")] == [False] * 3
    assert said == []


def test_watchdog_starts_a_worker_again_that_was_stale_for_90_seconds(tmp_path: Path):
    said = Said()
    with Supervisor(tmp_path, said.append, StopSignal()) as supervisor:
        supervisor.start(python(tmp_path, "worker", STEADY))
        said.until(supervisor, lambda: len(words(tmp_path / "starts.txt")) == 1)
        watchdog = WorkerWatchdog(supervisor)
        stale, fine = {"worker": "too old", "webhooks": ""}, {"worker": "", "webhooks": ""}
        unknown = {"database": "away"}
        for now, problems in [(0, stale), (89, stale), (95, fine), (100, stale), (189, stale)]:
            watchdog.judge(Readiness(problems=problems), now=now)
        assert said == []
        watchdog.judge(Readiness(problems=unknown), now=195)
        watchdog.judge(Readiness(problems=stale), now=195)
        said.until(supervisor, lambda: len(words(tmp_path / "starts.txt")) == 2)
    assert said == ["worker took no task for 90 s; starting it again."]
