"""Every page, with data: for people with assistive technology, and for little room."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.gateway import Gateway
from tests.browser.office import log_in, open_office
from tests.browser.pages import DASHBOARD, ENTRANCE, STAFF, Place
from tests.browser.windows import PHONE, TABLET, open_page, visit, window_at

GRAVE = {"serious", "critical"}
# Colours change slowly when the scheme does, on the pages of Django's admin.
AT_REST = "Promise.allSettled(document.getAnimations().map(animation => animation.finished))"
WIDER_THAN_WINDOW = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
# Of what hides what is too wide for it: the words in it.
CUT_OFF = """
[...document.querySelectorAll(".card.flush")]
    .filter(card => card.scrollWidth > card.clientWidth).map(card => card.innerText)
"""


@pytest.fixture(scope="module")
def ids(gateway: Gateway) -> Iterator[dict[str, str]]:
    with open_office(gateway) as ids:
        yield ids


@pytest.fixture(scope="module")
def stranger(browser: Browser, gateway: Gateway) -> Iterator[BrowserContext]:
    with window_at(browser, gateway) as context:
        yield context


@pytest.fixture(scope="module")
def owner(browser: Browser, gateway: Gateway, ids: dict[str, str]) -> Iterator[BrowserContext]:
    with window_at(browser, gateway) as context:
        log_in(context, gateway)
        yield context


@pytest.mark.parametrize("place", ENTRANCE, ids=lambda place: place.name)
def test_entrance_is_accessible(stranger: BrowserContext, place: Place) -> None:
    check(stranger, place, {})


@pytest.mark.parametrize("place", DASHBOARD + STAFF, ids=lambda place: place.name)
def test_page_is_accessible(owner: BrowserContext, ids: dict[str, str], place: Place) -> None:
    check(owner, place, ids)


def check(context: BrowserContext, place: Place, ids: dict[str, str]) -> None:
    """Nothing grave; in the dark, where only colours differ, and on a phone nothing either.

    And nothing has to be scrolled sideways there, nor on a tablet, where no table is cut off.
    """
    complaints: list[str] = []
    page = open_page(context, complaints)
    visit(page, place, ids)
    assert findings(page) == []
    page.set_viewport_size(TABLET)
    assert not page.evaluate(WIDER_THAN_WINDOW)
    assert page.evaluate(CUT_OFF) == []
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark")
    assert findings(page, runOnly=["color-contrast"]) == []
    assert not page.evaluate(WIDER_THAN_WINDOW)
    page.close()
    assert complaints == []


def findings(page: Page, **options: object) -> list[str]:
    """What axe finds grave: the rule, where it is broken, and what was found there."""
    page.evaluate(AT_REST)
    # Without preloading style sheets, which axe would copy into the page, against its policy.
    fixed = {"resultTypes": ["violations"], "preload": False}
    violations = Axe().run(page, options=fixed | options)
    return [
        f"{violation['id']} {node['target']} {[reason['message'] for reason in node['any']]}"
        for violation in violations.response["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]
