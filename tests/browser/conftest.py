"""A browser and a gateway for all browser tests; a fresh window for each.

What the console says is part of a page: an error or a violation of the content security policy
fails the test.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium
from tests.browser.gateway import Gateway
from tests.browser.windows import DESKTOP, PHONE, TIMEOUT_MS, open_page, window_at
from tests.crash.scratch import scratch_folder

expect.set_options(timeout=TIMEOUT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All on one xdist worker: they share one gateway."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        reason = "NO BROWSER: install chromium to test the dashboard."
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def gateway(browser: Browser) -> Iterator[Gateway]:
    """Up and ready; each test opens an account of its own in it."""
    with scratch_folder() as folder:
        gateway = Gateway(folder)
        gateway.start()
        try:
            yield gateway
        finally:
            gateway.stop()


@pytest.fixture(params=["desktop", "phone"])
def size(request: pytest.FixtureRequest) -> dict[str, int]:
    """The size of the window, in CSS pixels; a test that asks for it runs with both."""
    return {"desktop": DESKTOP, "phone": PHONE}[request.param]


@pytest.fixture
def window(browser: Browser, gateway: Gateway, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in a browser without history, at the gateway."""
    size = request.getfixturevalue("size") if "size" in request.fixturenames else DESKTOP
    complaints: list[str] = []
    with window_at(browser, gateway, size) as context:
        yield open_page(context, complaints)
    assert complaints == []
