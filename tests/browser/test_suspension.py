"""What staff do about an account that must stop."""

from playwright.sync_api import Browser, Page, expect

from tests.browser.gateway import Gateway
from tests.browser.office import log_in
from tests.browser.sign_up import open_account, sign_up
from tests.browser.windows import open_page, window_at
from tests.crash.waiting import until

REASON = "The last invoice is open"
IN_FORCE_SECONDS = 60.0


def test_suspension_by_staff_stops_the_api_and_shows_why(
    window: Page, gateway: Gateway, browser: Browser, size: dict[str, int]
) -> None:
    name = f"Shop that stops at {size['width']}"
    sign_up(window, gateway, f"stops{size['width']}@example.com")
    open_account(window, name)
    window.get_by_role("button", name="Make an API key").click()
    api_key = window.locator("#api-key").inner_text()
    assert gateway.call(api_key, "GET", "/messages")[0] == 200

    suspend_as_staff(browser, gateway, name, size)

    def refused() -> str | None:
        status, answer = gateway.call(api_key, "GET", "/messages")
        return answer["error"] if status == 403 else None

    assert until(refused, "the API refuses", IN_FORCE_SECONDS, 0.2) == "tenant_inactive"
    window.goto("/")
    banner = window.get_by_role("alert").filter(has_text="This account is suspended")
    expect(banner).to_contain_text(REASON)


def suspend_as_staff(browser: Browser, gateway: Gateway, name: str, size: dict[str, int]) -> None:
    """By the action of the list, which asks why."""
    complaints: list[str] = []
    with window_at(browser, gateway, size) as context:
        log_in(context, gateway)
        page = open_page(context, complaints)
        page.goto("/admin/accounts/tenant/")
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name))
        row.get_by_role("checkbox").check()
        page.locator("select[name=action]").select_option("suspend")
        page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).click()
        page.get_by_label("Reason").fill(REASON)
        page.get_by_role("button", name="Suspend").click()
        expect(page.get_by_text("1 suspended")).to_be_visible()
    assert complaints == []
