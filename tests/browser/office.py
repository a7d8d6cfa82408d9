"""The gateway's first account with phones and data, and a browser that is logged in to it."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext

from tests.browser.gateway import Gateway, as_json
from tests.crash.waiting import until

PHONES = ("Front desk", "Delivery van")
FILL = "from tests.browser.bakery import fill; fill()"


@contextmanager
def open_office(gateway: Gateway) -> Iterator[dict[str, str]]:
    """Two phones that are online, a text that one of them sent, and what bakery.py adds.

    Gives the ids for the paths of pages.py.
    """
    key = gateway.owner.api_key
    phones = []
    try:
        for name in PHONES:
            _, code = gateway.call(key, "POST", "/devices/pairing-codes")
            phones.append(gateway.pair_phone(code["code"], name))
        until(lambda: are_online(gateway), "the phones are online")
        text = {"to": "+6581230142", "text": "Your order 4711 is ready for pick-up."}
        _, sent = gateway.call(key, "POST", "/messages", text)
        path = f"/messages/{sent['id']}"
        until(lambda: gateway.call(key, "GET", path)[1]["status"] == "delivered", "it is delivered")
        yield as_json(gateway.manage("shell", "-c", FILL)) | {"message": sent["id"]}
    finally:
        for phone in phones:
            phone.stop()


def are_online(gateway: Gateway) -> bool:
    """Whether every phone has connected and told of its SIM."""
    _, answer = gateway.call(gateway.owner.api_key, "GET", "/devices")
    return all(phone["status"] == "active" and phone["sims"] for phone in answer["data"])


def log_in(context: BrowserContext, gateway: Gateway) -> None:
    """As the account's owner, who is staff too."""
    page = context.new_page()
    page.goto("/accounts/login/")
    page.get_by_label("E-mail").fill(gateway.owner.email)
    page.get_by_label("Password").fill(gateway.owner.password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("/")
    page.close()
