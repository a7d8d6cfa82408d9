"""Run a command between the start and the stop of a private PostgreSQL and Redis.

    python -m gateway_site.embedded [--scratch [--durable]] -- COMMAND ARGUMENTS...

The command finds the servers through DATABASE_URL and REDIS_URL; one that is set already is used
as it is. Its exit code is ours. Without --scratch the data is that of `make run` (DATA_DIR, default
./var), and while `make run` has its servers running the command uses those.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

from gateway_site.embedded.config import data_dir_from, read_env_file
from gateway_site.embedded.errors import DataDirInUse, StartError, StopRequested
from gateway_site.embedded.lock import locked_data_dir
from gateway_site.embedded.process import die_with_parent
from gateway_site.embedded.servers import private_servers, start_server
from gateway_site.embedded.signals import STOP_SIGNALS, StopSignal, handle_stop_signals


def main(arguments: Sequence[str]) -> int:
    """Parse, start, run, stop; return the exit code for the shell."""
    options = _parse(arguments)
    stop = StopSignal()
    stop.listen()
    try:
        with ExitStack() as stack:
            environment = stack.enter_context(_servers(options, stop))
            return _run(options.command, environment)
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except StopRequested:
        return 128 + signal.SIGTERM


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Our options and, as ``command``, everything after the first ``--``."""
    split = arguments.index("--") if "--" in arguments else len(arguments)
    ours, command = arguments[:split], arguments[split + 1 :]
    parser = argparse.ArgumentParser(
        prog="python -m gateway_site.embedded",
        usage="%(prog)s [--scratch [--durable]] -- COMMAND ARGUMENTS...",
        description="Run a command between the start and the stop of private servers.",
    )
    parser.add_argument("--scratch", action="store_true", help="use a temp folder, forget it all")
    parser.add_argument("--durable", action="store_true", help="with --scratch: still sync to disk")
    options = parser.parse_args(ours)
    if not command:
        parser.error("what to run is missing: put it after --")
    options.command = command
    return options


@contextmanager
def _servers(options: argparse.Namespace, stop: StopSignal) -> Iterator[dict[str, str]]:
    """The environment for the command, while the private servers run."""
    with ExitStack() as stack:
        data_dir = stack.enter_context(_scratch()) if options.scratch else _kept()
        durable = options.durable or not options.scratch
        servers = private_servers(os.environ, data_dir, durable=durable)
        with suppress(DataDirInUse):  # then its user runs these servers
            stack.enter_context(locked_data_dir(data_dir))
            logs = data_dir / "logs"
            logs.mkdir(mode=0o700, exist_ok=True)
            for server in servers.values():
                stack.callback(start_server(server, logs, stop.pause).stop)
        urls = {variable: server.url for variable, server in servers.items()}
        yield os.environ | {"DATA_DIR": str(data_dir)} | urls


@contextmanager
def _scratch() -> Iterator[Path]:
    """A throw-away data folder that PostgreSQL's own account can pass through."""
    data_dir = Path(tempfile.mkdtemp(prefix="gateway-"))
    data_dir.chmod(0o711)
    try:
        yield data_dir
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


def _kept() -> Path:
    read_env_file()
    return data_dir_from(os.environ)


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    """The command's exit code, after passing on every stop signal that only we were sent.

    It stays in our process group, so that a debugger in it can use the terminal.
    """
    try:
        child = subprocess.Popen(  # noqa: S603 - to run what the caller names is what this is for
            command, env=environment, preexec_fn=die_with_parent(signal.SIGTERM)
        )
    except OSError as error:
        raise StartError(f"{command[0]} cannot be run: {error.strerror}.") from error

    def pass_on(number: int, frame: FrameType | None) -> None:
        if not (number == signal.SIGINT and _terminal_signals_us()):
            child.send_signal(number)

    handle_stop_signals(pass_on)
    code = child.wait()
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    return code if code >= 0 else 128 - code


def _terminal_signals_us() -> bool:
    """Whether Ctrl-C reaches the whole foreground group anyway, the command included."""
    return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
