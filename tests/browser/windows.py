"""Windows of a browser at the gateway, and what their console says."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.browser.gateway import Gateway
from tests.browser.pages import Place

DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
TABLET = {"width": 821, "height": 1180}  # the narrowest on which tables are tables
TIMEOUT_MS = 15_000
# Chromium notes every answer from 400 on; with 422 a form comes back that was filled in wrongly.
REFUSED_FORM = "Failed to load resource: the server responded with a status of 422"


@contextmanager
def window_at(
    browser: Browser, gateway: Gateway, size: dict[str, int] = DESKTOP
) -> Iterator[BrowserContext]:
    """A browser without history, whose paths are the gateway's, and in which nothing moves."""
    context = browser.new_context(base_url=gateway.url, viewport=size, reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT_MS)
    yield context
    context.close()


def open_page(context: BrowserContext, complaints: list[str]) -> Page:
    """A page of which every error is noted in `complaints`."""

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(REFUSED_FORM):
            complaints.append(f"{message.location.get('url')}: {message.text}")

    page = context.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page


def visit(page: Page, place: Place, ids: Mapping[str, str]) -> None:
    """Open a page, and wait until it is there and, in the dashboard, hears what happens."""
    page.goto(place.filled(ids))
    expect(page.locator(place.shows).first).to_be_attached()
    live = page.locator("[data-live-state]")
    if live.count():
        expect(live).to_have_attribute("data-live-state", "on")
