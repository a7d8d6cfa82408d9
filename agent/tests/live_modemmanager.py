"""The real ModemManager and its `mmcli`, with a scripted modem, on a message bus of their own.

ModemManager's test interface takes a socket as a modem's port, as its own tests do
(`plugins/tests/test-fixture.c`). Nothing of the machine's own modems is touched.
"""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from agent.tests.at_modem import AtModem
from agent.tests.at_ports import AbstractSocket
from agent.tests.gateway import until

PROGRAMS = ("dbus-daemon", "dbus-send", "ModemManager", "mmcli")
SERVICE, ROOT = "org.freedesktop.ModemManager1", "/org/freedesktop/ModemManager1"
OPTIONS = (
    "--test-session", "--test-enable", "--test-no-udev",
    "--test-no-suspend-resume", "--test-no-qrtr",
)  # fmt: skip
MODEM = f"{ROOT}/Modem/0"


def need_modemmanager() -> None:
    """Skip where ModemManager is not installed, and say so."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=search_path()) is None]
    if missing:
        pytest.skip(f"without {', '.join(missing)} the real ModemManager is not tested")


def search_path() -> str:
    """PATH with the folder in which services are."""
    return os.pathsep.join((os.environ["PATH"], "/usr/sbin"))


@asynccontextmanager
async def modem_in_modemmanager(name: str) -> AsyncIterator[AtModem]:
    """A modem that ModemManager has taken; `mmcli` finds it as long as this lasts."""
    with (
        AtModem(AbstractSocket(name)) as modem,
        message_bus() as bus,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("PATH", search_path())
        patch.setenv("DBUS_SESSION_BUS_ADDRESS", bus)
        patch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus)
        with running("ModemManager", *OPTIONS):
            profile = (f"string:{name}", "string:generic", f"array:string:{modem.path}")
            await until(lambda: call("Test.SetProfile", *profile))
            await until(lambda: MODEM in told("mmcli", "-L", "-J"))
            yield modem


@contextmanager
def message_bus() -> Iterator[str]:
    """A D-Bus daemon for these tests alone; gives its address."""
    with running("dbus-daemon", "--session", "--nofork", "--print-address") as daemon:
        assert daemon.stdout is not None
        yield daemon.stdout.readline().strip()


@contextmanager
def running(*argv: str) -> Iterator[subprocess.Popen[str]]:
    """A program that is stopped at the end."""
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.kill()  # ModemManager would wait for a modem that hangs
        process.communicate()


def call(method: str, *arguments: str) -> bool:
    """Call a method of ModemManager; whether it was there and liked it."""
    message = (f"--dest={SERVICE}", ROOT, f"{SERVICE}.{method}", *arguments)
    done = subprocess.run(
        ["dbus-send", "--session", "--print-reply", *message], capture_output=True, check=False
    )
    return done.returncode == 0


def told(*argv: str) -> str:
    """What a program prints."""
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
