"""`python -m tests.browser.screenshots`: every page as a picture, in var/screenshots.

`--readme` replaces the pictures of README.md in docs/images instead. Starts a gateway of its own.
"""

import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from gateway_site.embedded.config import BASE_DIR
from tests.browser.chromium import ARGUMENTS, chromium
from tests.browser.gateway import Gateway
from tests.browser.office import log_in, open_office
from tests.browser.pages import DASHBOARD, ENTRANCE, STAFF, Place
from tests.browser.windows import DESKTOP, PHONE, visit, window_at
from tests.crash.scratch import scratch_folder

FOLDER, README_FOLDER = BASE_DIR / "var" / "screenshots", BASE_DIR / "docs" / "images"
README_CLIP = {"x": 0, "y": 0, "width": 1280, "height": 800}
README_SIZE = {"width": 1295, "height": 800}  # the rest is room for a scroll bar, which is hidden
# The names of the files, and the pages on them.
README_PAGES = {
    "overview": "overview",
    "conversations": "conversation",
    "rule-editor": "rule",
    "phones": "phones",
}


def main() -> None:
    browser_path = chromium()
    if browser_path is None:
        sys.exit("There is no browser: install chromium.")
    with scratch_folder() as folder, sync_playwright() as playwright:
        gateway = Gateway(folder)
        gateway.start()
        browser = playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        try:
            with open_office(gateway) as ids:
                if "--readme" in sys.argv[1:]:
                    take_for_readme(browser, gateway, ids)
                else:
                    take_all(browser, gateway, ids)
        finally:
            browser.close()
            gateway.stop()


def take_all(browser: Browser, gateway: Gateway, ids: dict[str, str]) -> None:
    """`overview-desktop-dark.png` and so on, as long as the pages are."""
    for name, size in (("desktop", DESKTOP), ("phone", PHONE)):
        with window_at(browser, gateway, size) as context:
            page = context.new_page()
            take(page, ENTRANCE, ids, name)
            log_in(context, gateway)
            take(page, DASHBOARD + STAFF, ids, name)


def take(page: Page, places: tuple[Place, ...], ids: dict[str, str], name: str) -> None:
    """One picture in light and one in dark of each page."""
    for place in places:
        visit(page, place, ids)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            write(page, FOLDER / f"{place.name}-{name}-{scheme}.png", full_page=True)


def take_for_readme(browser: Browser, gateway: Gateway, ids: dict[str, str]) -> None:
    """What fits into a window, without an address bar."""
    places = {place.name: place for place in DASHBOARD}
    with window_at(browser, gateway, README_SIZE) as context:
        log_in(context, gateway)
        page = context.new_page()
        for name, place_name in README_PAGES.items():
            visit(page, places[place_name], ids)
            write(page, README_FOLDER / f"{name}.png", clip=README_CLIP)


def write(page: Page, path: Path, **how: Any) -> None:
    page.screenshot(path=path, **how)
    sys.stdout.write(f"{path.relative_to(BASE_DIR)}\n")


if __name__ == "__main__":
    main()
