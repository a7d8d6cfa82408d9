import os
import signal
import sys
from pathlib import Path

import pytest

from gateway_site.embedded.errors import StartError
from gateway_site.embedded.process import Process, Program, run_to_end
from gateway_site.embedded.tests.liveness import is_running, wait_until

STUBBORN = (
    "import signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(60)\n"
)


def python(code: str, **options) -> Program:
    return Program(name="child", argv=[sys.executable, "-c", code], env=os.environ, **options)


def test_program_run_to_end_gives_its_output():
    assert run_to_end(python("print(input()[::-1])"), stdin_text="abc\n") == "cba\n"


def test_program_that_fails_is_told_with_its_last_lines():
    code = "import sys; print('why', file=sys.stderr); sys.exit(3)"
    with pytest.raises(StartError) as failure:
        run_to_end(python(code))
    assert str(failure.value) == "child failed with code 3:\n    why"


def test_program_is_stopped_when_its_run_is_interrupted(tmp_path: Path):
    pid_file = tmp_path / "pid"

    def interrupt(seconds: float) -> None:
        if pid_file.exists() and pid_file.read_text():
            raise KeyboardInterrupt

    code = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(KeyboardInterrupt):
        run_to_end(python(code), interrupt)
    assert not is_running(int(pid_file.read_text()))


def test_process_that_ignores_its_stop_signal_is_killed_with_its_children(tmp_path: Path):
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = Process(python(STUBBORN, stop_seconds=0.1), stdout=output)
    wait_until(lambda: log.read_text().endswith("\n"), "the child has a child")
    process.stop()
    assert process.exit_code == -signal.SIGKILL
    grandchild = int(log.read_text())
    wait_until(lambda: not is_running(grandchild), "the grandchild is gone")


def test_process_dies_with_its_parent(tmp_path: Path):
    """A parent that is killed -9 cannot stop anything itself."""
    parent = (
        "import os, signal, sys\n"
        "from gateway_site.embedded.process import Process, Program\n"
        "argv = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "program = Program('child', argv, os.environ)\n"
        "print(Process(program, stdout=sys.stderr.buffer).pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = Process(python(parent, cwd=Path.cwd()), stdout=output)
    wait_until(lambda: process.exit_code is not None, "the parent is dead")
    assert process.exit_code == -signal.SIGKILL
    wait_until(lambda: not is_running(int(log.read_text())), "its child is dead")
