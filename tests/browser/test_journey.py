"""What a business owner does on the first day, from the sign-up to an answering rule."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from gateway_site.embedded.process import Process
from tests.browser.gateway import Gateway
from tests.browser.receiver import Receiver
from tests.browser.sign_up import open_account, sign_up

CUSTOMER, QUESTION = "+6591234567", "What are your hours?"
ANSWER = "Open 9:00 to 17:30."


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def test_journey_from_sign_up_to_an_answering_rule(
    window: Page, gateway: Gateway, receiver: Receiver, size: dict[str, int]
) -> None:
    name = f"Shop {size['width']}"
    sign_up(window, gateway, f"owner{size['width']}@example.com")
    open_account(window, name)
    phone = pair_phone(window, gateway, f"{name} phone")
    try:
        send_first_text(window)
        make_rule(window)
        add_webhook(window, receiver)
        be_answered(window, gateway, f"{name} phone")
        see_delivery(window, receiver)
    finally:
        phone.stop()


def pair_phone(page: Page, gateway: Gateway, name: str) -> Process:
    """The code on the screen goes into the phone; the screen says when it is connected."""
    page.get_by_role("button", name="Pair a phone").click()
    code = page.locator("#pair-code").inner_text().replace(" ", "")
    phone = gateway.pair_phone(code, name)
    expect(page.get_by_role("heading", name=f"Connected: {name}")).to_be_visible()
    expect(page.get_by_text("It is online and ready to send.")).to_be_visible()
    page.get_by_role("button", name="Done").click()
    return phone


def send_first_text(page: Page) -> None:
    """The next step has opened by itself, and says what becomes of the text."""
    page.get_by_label("Number").fill("8123 0000")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#step-text .badge").last).to_have_text("Delivered")


def make_rule(page: Page) -> None:
    follow(page, "Rules")
    page.get_by_role("link", name="Reply when a text contains a word").click()
    expect(page.get_by_label("Words to look for")).to_have_value("hours")
    page.get_by_label("Text of the reply").fill(ANSWER)
    page.get_by_role("button", name="Save rule").click()
    expect(page.get_by_role("link", name="Opening hours")).to_be_visible()


def add_webhook(page: Page, receiver: Receiver) -> None:
    """Nothing but a URL is needed; the page of the endpoint has the log."""
    follow(page, "Webhooks")
    page.get_by_label("URL").fill(receiver.url)
    page.get_by_role("button", name="Save and show the endpoint").click()
    expect(page.get_by_role("heading", name="Deliveries")).to_be_visible()


def be_answered(page: Page, gateway: Gateway, phone: str) -> None:
    """A text comes in while its conversation is open: it and the rule's reply appear."""
    page.goto(f"/conversations/{CUSTOMER}")
    gateway.bring_text(phone, CUSTOMER, QUESTION)
    expect(page.locator(".entry.inbound .bubble")).to_have_text(QUESTION)
    reply = page.locator(".entry.outbound")
    expect(reply.locator(".bubble")).to_have_text(ANSWER)
    expect(reply.locator(".badge")).to_have_text("delivered")


def see_delivery(page: Page, receiver: Receiver) -> None:
    """The log has what the receiver got."""
    follow(page, "Webhooks")
    page.get_by_role("link", name="All deliveries").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="message.received"))
    expect(row.locator(".badge")).to_have_text("delivered")
    received = [json.loads(body) for body in receiver.bodies]
    assert [e["text"] for e in received if e["event"] == "message.received"] == [QUESTION]


def follow(page: Page, label: str) -> None:
    """Go to a section by the navigation, which is behind a button where there is little room."""
    menu = page.get_by_role("button", name="Menu")
    if menu.is_visible():
        menu.click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name=label, exact=True).click()
    expect(page.get_by_role("heading", name=label, level=1)).to_be_visible()
