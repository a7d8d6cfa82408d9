"""Phones of two other kinds on their first day: paired from the dialog, they send and receive."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from playwright.sync_api import Page, expect

from agent.tests.dummy import drop_text, sent_folder
from agent.tests.rigs import make_rig
from gateway_site.embedded.config import BASE_DIR
from tests.browser.gateway import Gateway
from tests.browser.sign_up import open_account, sign_up
from tests.browser.test_journey import ANSWER, CUSTOMER, QUESTION, follow, make_rule
from tests.crash.waiting import until

TEXT = {"to": "+6581230000", "text": "Your order is ready."}
SCRIPTED_PHONE = "integrations.phones.smsgate.tests.scripted_phone"


def test_smsgate_phone_sends_and_its_inbound_text_is_answered(
    window: Page, gateway: Gateway
) -> None:
    api_key, code = begin(window, gateway, "smsgate", "SMSGate app (Android)")
    play = [sys.executable, "-m", SCRIPTED_PHONE, "--url", gateway.url, "--code", code]
    with running(play) as phone:
        see_it_connected(window)
        call = caller(gateway, api_key())
        sent = send(call)
        until(lambda: status_of(call, sent) == "delivered", "the text is delivered")
        make_rule(window)
        phone.write(f"{CUSTOMER} {QUESTION}\n")
        until(lambda: answers(call) == [(ANSWER, "delivered")], "the rule's reply is delivered")


def test_modem_on_gammus_dummy_device_sends_and_its_inbound_text_is_answered(
    window: Page, gateway: Gateway, tmp_path: Path
) -> None:
    rig = make_rig("gammu", tmp_path)
    api_key, code = begin(window, gateway, "gammu", "Modem on a Linux machine")
    agent = [sys.executable, "-m", "agent"]
    folder = ["--radio", "gammu", "--data-dir", str(rig.data_dir)]
    pairing = [*agent, "pair", *folder, "--url", gateway.url, "--code", code]
    subprocess.run(pairing, cwd=BASE_DIR, check=True)
    with running([*agent, "run", *folder, *rig.options, "--keep-copies"]):
        see_it_connected(window)
        call = caller(gateway, api_key())
        sent = send(call)
        until(lambda: status_of(call, sent) == "sent", "the text is sent")
        make_rule(window)
        drop_text(rig.home, CUSTOMER, QUESTION, datetime.now(UTC))
        until(lambda: answers(call) == [(ANSWER, "sent")], "the rule's reply is sent")
    left = [(part["Number"], part["Text"]) for part in sent_folder(rig.home)]
    assert left == [(TEXT["to"], TEXT["text"]), (CUSTOMER, ANSWER)]


@contextmanager
def running(argv: list[str]) -> Iterator[IO[str]]:
    """A program beside the gateway; gives its input, by the line."""
    process = subprocess.Popen(argv, cwd=BASE_DIR, stdin=subprocess.PIPE, text=True, bufsize=1)
    assert process.stdin is not None
    try:
        yield process.stdin
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stdin.close()


def begin(page: Page, gateway: Gateway, name: str, way: str) -> tuple[Callable[[], str], str]:
    """A new account with the dialog open at `way`: how to read its first API key, and the code."""
    address = f"{name}@example.com"
    sign_up(page, gateway, address)
    open_account(page, f"Shop with {name}")
    follow(page, "Phones")
    page.get_by_role("button", name="Pair a phone").first.click()
    summary = page.locator("details.way summary", has_text=way)
    if way != "SMSGate app (Android)":  # which is open
        summary.click()
    code = page.locator("#pair-code").inner_text().replace(" ", "")
    expect(page.locator("details.way[open]")).to_contain_text(code)
    return lambda: key_in(gateway.mails_to(address)), code


def see_it_connected(page: Page) -> None:
    expect(page.get_by_role("heading", name=re.compile("^Connected: "))).to_be_visible()
    expect(page.get_by_text("It is online and ready to send.")).to_be_visible()
    page.get_by_role("button", name="Done").click()


def key_in(mails: list[str]) -> str:
    """The API key that the first phone brought."""
    (key,) = [found[0] for mail in mails if (found := re.search(r"sk_live_\w+", mail))]
    return key


def caller(gateway: Gateway, api_key: str) -> Callable[..., Any]:
    def call(method: str, path: str, body: Any = None) -> Any:
        return gateway.call(api_key, method, path, body)[1]

    return call


def send(call: Callable[..., Any]) -> str:
    sent: str = call("POST", "/messages", TEXT)["id"]
    return sent


def status_of(call: Callable[..., Any], message_id: str) -> str:
    status: str = call("GET", f"/messages/{message_id}")["status"]
    return status


def answers(call: Callable[..., Any]) -> list[tuple[str, str]]:
    """Text and status of what was sent to the customer."""
    sent = call("GET", f"/messages?to={CUSTOMER.replace('+', '%2B')}&direction=outbound")["data"]
    return [(message["text"], message["status"]) for message in sent]
