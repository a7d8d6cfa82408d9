"""The whole life of `manage.py up`: check, start, wait until ready, watch, stop."""

import errno
import json
import os
import shutil
import socket
import time
from dataclasses import replace

from gateway_site.embedded import phone
from gateway_site.embedded.banner import banner
from gateway_site.embedded.children import Children
from gateway_site.embedded.config import Config
from gateway_site.embedded.errors import StartError, StopRequested
from gateway_site.embedded.first_run import FirstRun
from gateway_site.embedded.lock import locked_data_dir
from gateway_site.embedded.logs import trim_logs
from gateway_site.embedded.mails import MailFolder
from gateway_site.embedded.process import run_to_end, tail
from gateway_site.embedded.readiness import ask_readiness
from gateway_site.embedded.servers import private_servers
from gateway_site.embedded.signals import StopSignal
from gateway_site.embedded.supervisor import Say, Supervisor
from gateway_site.embedded.watchdog import WORKERS, WorkerWatchdog

READY_SECONDS = 60.0
_PROGRESS_SECONDS = 5.0
_READY_POLL_SECONDS = 0.5
_WATCH_POLL_SECONDS = 15.0
_LOOKS_FOR_MAIL = 15  # between two looks at the rest


def run_until_stopped(config: Config, say: Say) -> None:
    """Start everything and return after a stop signal, when everything has stopped.

    Raises StartError when something cannot start; nothing is left running then either.
    """
    stop = StopSignal()
    stop.listen()
    with locked_data_dir(config.data_dir):
        require_free_port(config.host, config.port)
        logs = config.data_dir / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        with Supervisor(logs, say, stop) as supervisor:
            try:
                children = _start_servers(config, supervisor)
                _start_gateway(config, children, supervisor)
                _watch(config, supervisor)
            except StopRequested:
                say("Stopping ...")
    say("Stopped.")


def require_free_port(host: str, port: int) -> None:
    """Raise StartError when ``host:port`` cannot be listened on."""
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(address[0], socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address[4])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = "is in use by another program: stop that one"
        else:
            reason = f"cannot be used ({error.strerror}): set HOST"
        raise StartError(
            f"Port {port} on {host} {reason}, or choose another port (PORT=8001 make run)."
        ) from error


def _start_servers(config: Config, supervisor: Supervisor) -> Children:
    """Start the private servers and return the children that use them."""
    env = os.environ | {
        "DATA_DIR": str(config.data_dir),
        "HOST": config.host,
        "PORT": str(config.port),
        "PYTHONUNBUFFERED": "1",
    }
    for variable, server in private_servers(os.environ, config.data_dir).items():
        supervisor.say(f"Starting {server.name} ...")
        supervisor.start_server(server)
        env[variable] = server.url
    return Children(config, env)


def _start_gateway(config: Config, children: Children, supervisor: Supervisor) -> None:
    """Migrate, make the first account, start the processes, and say how to get in."""
    supervisor.say("Preparing the database ...")
    run_to_end(children.manage("migrate", "--no-input"), supervisor.pause)
    made = json.loads(run_to_end(children.manage("first_run"), supervisor.pause))
    first_run = FirstRun.read(config.data_dir).at(config.public_url)
    first_run = replace(first_run, email=made["email"])
    if made["created"]:
        first_run = replace(first_run, password=made["password"], api_key=made["api_key"])
        # A phone that is left from an earlier database is unknown to this one.
        shutil.rmtree(children.phone_folder, ignore_errors=True)
    first_run.write(config.data_dir)  # at once: these secrets are told this one time

    supervisor.say("Starting web, workers and beat ...")
    for program in (children.web(), children.worker(), children.webhooks(), children.beat()):
        supervisor.start(program)
    _wait_until_ready(config, supervisor)
    device_id = _start_phone(config, children, supervisor) if config.demo_phone else ""
    first_run = replace(first_run, device_id=device_id)
    first_run.write(config.data_dir)
    supervisor.say(banner(first_run, config.data_dir, is_first_start=made["created"]))


def _wait_until_ready(config: Config, supervisor: Supervisor) -> None:
    started = told = time.monotonic()
    while not (readiness := ask_readiness(config.local_host, config.port)).is_ready:
        waited = time.monotonic() - started
        missing = {name: problem for name, problem in readiness.problems.items() if problem}
        if waited > READY_SECONDS:
            stale = [name for name in WORKERS if name in missing]
            log = supervisor.log_of(stale[0] if stale else "web")
            problems = "; ".join(f"{name}: {problem}" for name, problem in missing.items())
            raise StartError(
                f"The gateway is not ready after {READY_SECONDS:g} s "
                f"({problems or 'web does not answer'}). The end of {log}:\n"
                f"{tail(log.read_text(errors='replace'))}"
            )
        if started + waited - told > _PROGRESS_SECONDS:
            supervisor.say(f"Waiting for {', '.join(missing) or 'web'} ({waited:.0f} s) ...")
            told = started + waited
        supervisor.pause(_READY_POLL_SECONDS)


def _start_phone(config: Config, children: Children, supervisor: Supervisor) -> str:
    """Pair the simulated phone unless it is, keep it running, and return its device id."""
    if not phone.is_paired(children.phone_folder):
        supervisor.say("Pairing the demo phone ...")
        pairing = run_to_end(children.manage("first_run", "--pairing-code"), supervisor.pause)
        run_to_end(children.pair_phone(json.loads(pairing)["code"]), supervisor.pause)
    device_id = phone.call_at(children.phone_folder, config.local_url).device_id
    supervisor.start(children.phone())
    return device_id


def _watch(config: Config, supervisor: Supervisor) -> None:
    """Keep everything running until a stop signal (StopRequested)."""
    watchdog = WorkerWatchdog(supervisor)
    mails = MailFolder(config.data_dir / "mail")
    while True:
        for _ in range(_LOOKS_FOR_MAIL):
            supervisor.pause(_WATCH_POLL_SECONDS / _LOOKS_FOR_MAIL)
            for mail in mails.news():
                supervisor.say(mail)
        watchdog.judge(ask_readiness(config.local_host, config.port), time.monotonic())
        trim_logs(supervisor.logs)
