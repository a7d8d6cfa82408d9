"""`python -m gateway_site.embedded` as a shell sees it."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway_site.embedded.config import BASE_DIR
from gateway_site.embedded.tests.liveness import is_running, wait_until

RUNNER = [sys.executable, "-m", "gateway_site.embedded"]
# Tells where the servers are, then waits for a signal and ends with code 9.
WAITING = (
    "import os, pathlib, signal, sys\n"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\n"
    "data = pathlib.Path(os.environ['DATA_DIR'])\n"
    "postmaster = (data / 'postgres' / 'postmaster.pid').read_text().split()[0]\n"
    "print(os.getpid(), postmaster, data, flush=True)\n"
    "signal.pause()\n"
)


def run(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUNNER, *arguments], env=environ, cwd=BASE_DIR, text=True, capture_output=True, timeout=60
    )


@contextmanager
def waiting(environ: dict[str, str]):
    """The runner, the process ids of its command, PostgreSQL and Redis, and the data folder."""
    command = [*RUNNER, "--scratch", "--", sys.executable, "-c", WAITING]
    with subprocess.Popen(
        command, env=environ, cwd=BASE_DIR, text=True, stdout=subprocess.PIPE
    ) as runner:
        assert runner.stdout is not None
        try:
            pid, postmaster, data_dir = runner.stdout.readline().split()
            yield runner, [int(pid), int(postmaster), redis_pid(runner.pid)], Path(data_dir)
        finally:
            runner.kill()


def redis_pid(parent: int) -> int:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    named = {Path(f"/proc/{pid}/comm").read_text().strip(): int(pid) for pid in children}
    return named["redis-server"]


def test_runner_exits_with_the_code_of_its_command(bare_environ):
    assert run(bare_environ, "--scratch", "--", sys.executable, "-c", "exit(7)").returncode == 7


def test_runner_uses_servers_that_are_given(bare_environ):
    given = {"DATABASE_URL": "postgres://there/a", "REDIS_URL": "redis://there"}
    code = "import os; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'])"
    done = run(bare_environ | given, "--scratch", "--", sys.executable, "-c", code)
    assert (done.stdout, done.stderr) == ("postgres://there/a redis://there\n", "")


def test_runner_of_an_unknown_command_says_so(bare_environ):
    given = {"DATABASE_URL": "postgres://there/a", "REDIS_URL": "redis://there"}
    done = run(bare_environ | given, "--scratch", "--", "no-such-command")
    assert done.stderr == "no-such-command cannot be run: No such file or directory.\n"
    assert done.returncode == 1


def test_runner_without_a_command_shows_its_usage(bare_environ):
    assert run(bare_environ, "--scratch").returncode == 2


def test_runner_passes_a_signal_on_and_leaves_nothing(bare_environ):
    with waiting(bare_environ) as (runner, pids, data_dir):
        assert [is_running(pid) for pid in pids] == [True, True, True]
        runner.send_signal(signal.SIGTERM)
        assert runner.wait(timeout=30) == 9
        assert [is_running(pid) for pid in pids] == [False, False, False]
        assert not data_dir.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_runner_killed_leaves_no_process(bare_environ):
    with waiting(bare_environ) as (runner, pids, data_dir):
        os.kill(runner.pid, signal.SIGKILL)
        runner.wait()
        wait_until(lambda: not any(is_running(pid) for pid in pids), "all three are gone")
    subprocess.run(["rm", "-rf", str(data_dir)], check=True)


def test_runner_beside_another_uses_the_servers_of_that_one(bare_environ, data_dir):
    environ = bare_environ | {"DATA_DIR": str(data_dir)}
    tell = "import os; print(os.getppid(), os.environ['DATABASE_URL'], os.environ['REDIS_URL'])"
    command = [sys.executable, "-c", tell]
    both = (
        f"{tell}; import subprocess, sys; "
        "bare = {k: v for k, v in os.environ.items() if not k.endswith('_URL')}; "
        f"sys.exit(subprocess.run({[*RUNNER, '--', *command]!r}, env=bare).returncode)"
    )
    done = run(environ, "--", sys.executable, "-u", "-c", both)
    (outer_pid, *outer), (inner_pid, *inner) = map(str.split, done.stdout.splitlines())
    assert (done.returncode, done.stderr, inner) == (0, "", outer)
    assert outer_pid != inner_pid
    assert (data_dir / "logs" / "redis.log").read_text().count("Server initialized") == 1
