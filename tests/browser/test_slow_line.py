"""A person on a slow line, who clicks as soon as there is something to click."""

import pytest
from playwright.sync_api import Page, TimeoutError, expect

from tests.browser.gateway import Gateway
from tests.browser.sign_up import open_account, sign_up

IMPATIENCE_MS = 1_000


def test_nothing_can_be_clicked_before_the_scripts_that_hear_it(
    window: Page, gateway: Gateway
) -> None:
    sign_up(window, gateway, "slow@example.com")
    open_account(window, "Shop on a slow line")
    window.route("**/*.js", lambda route: None)  # which is to say: on its way
    window.goto("/start", wait_until="commit")
    button = window.get_by_role("button", name="Make an API key")
    with pytest.raises(TimeoutError):
        button.click(timeout=IMPATIENCE_MS)
    window.unroute("**/*.js")  # and there they are
    button.click()
    expect(window.locator("#api-key")).to_be_visible()
