"""How somebody new gets a login and an account."""

import re

from playwright.sync_api import Page, expect

from tests.browser.gateway import Gateway

PASSWORD = "correct horse battery staple"


def sign_up(page: Page, gateway: Gateway, address: str) -> None:
    """Sign up, and confirm the address by the link in the e-mail."""
    page.goto("/accounts/signup/")
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    (mail,) = gateway.mails_to(address)
    page.goto(re.search(r"https?://\S+/confirm-email/\S+", mail)[0])
    expect(page.get_by_text(address)).to_be_visible()
    page.get_by_role("button", name="Yes, confirm it").click()


def open_account(page: Page, name: str) -> None:
    """Answer the three questions; ends at the first steps."""
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Country").select_option("SG")
    page.get_by_label("Time zone").select_option("Asia/Singapore")
    page.get_by_role("button", name="Open the account").click()
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()
