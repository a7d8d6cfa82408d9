"""One gateway for all crash tests, an account and a phone for each of them.

It has servers of its own, so that they can be killed, and so that nothing of this gets into the
databases of the other tests.
"""

import logging
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.account import Account
from tests.crash.client import Client
from tests.crash.gateway import Gateway
from tests.crash.phone import Phone
from tests.crash.scratch import scratch_folder

log = logging.getLogger(__name__)

FIGURES = "crash figures"
LOG_LINES_SHOWN, LOG_LINE_LENGTH = 25, 250


@pytest.fixture(scope="package")
def gateway() -> Iterator[Gateway]:
    """Up and ready; a test leaves it as it was."""
    with scratch_folder() as folder:
        gateway = Gateway(folder)
        try:
            gateway.start()
            yield gateway
        finally:
            gateway.kill()


@pytest.fixture
def account(gateway: Gateway) -> Account:
    return gateway.account()


@pytest.fixture
def client(gateway: Gateway, account: Account) -> Iterator[Client]:
    client = Client(gateway.port, account.api_key)
    yield client
    client.close()


@pytest.fixture
def phone(gateway: Gateway, account: Account, tmp_path: Path) -> Iterator[Phone]:
    """The account's phone; the test starts it."""
    phone = Phone(account, tmp_path / "phone", gateway.port)
    yield phone
    phone.kill()


@pytest.fixture
def chance() -> random.Random:
    """Random choices that CRASH_SEED repeats; a failing test shows its seed."""
    seed = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(10**6))
    log.warning("CRASH_SEED=%s", seed)
    return random.Random(seed)


@pytest.fixture
def rounds() -> Callable[[int], int]:
    """How often to do something that is usually done so many times (CRASH_ROUNDS multiplies)."""
    return lambda usual: usual * int(os.environ.get("CRASH_ROUNDS") or 1)


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Puts a sentence with figures into the summary of the run."""
    return lambda sentence: record_property(FIGURES, sentence)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show the end of the gateway's logs with a failure."""
    outcome = yield
    report = outcome.get_result()
    gateway = getattr(item, "funcargs", {}).get("gateway")
    if report.failed and gateway is not None:
        for file in sorted(gateway.logs.glob("*.log")):
            lines = file.read_text(errors="replace").splitlines()
            tail = [line[:LOG_LINE_LENGTH] for line in lines[-LOG_LINES_SHOWN:]]
            report.sections.append((file.name, "\n".join(tail)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The figures of the tests that noted some."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, sentence in report.user_properties:
            if name == FIGURES and report.when == "call":
                test = report.nodeid.rpartition("::")[2]
                terminalreporter.write_line(f"{test}: {sentence}")
