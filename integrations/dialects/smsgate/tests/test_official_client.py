"""The published Python client, unmodified, against a whole gateway with a simulated phone.

One journey for each of its three ways to speak HTTP.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from android_sms_gateway import ahttp, client, domain, enums, errors, http

from integrations.dialects.smsgate.tests.conftest import BASE
from tests.browser.gateway import Gateway
from tests.crash.scratch import scratch_folder
from tests.crash.waiting import until
from webhooks.tests.receivers import Receiver

pytestmark = pytest.mark.xdist_group("smsgate client")

NUMBERS = ["+6581230000", "+6581234567"]  # the last digits tell a simulated phone what to do
# Its `delete` through requests lets that library's own error out.
REFUSED = (errors.APIError, requests.HTTPError)
SIGNING_KEY = "a key of the shop's"


class Blocking:
    """The asynchronous client, called like the others."""

    def __init__(self, runner: asyncio.Runner, inner: client.AsyncAPIClient) -> None:
        self._runner, self._inner = runner, inner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._inner, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await method(*args, **kwargs)

        return lambda *args, **kwargs: self._runner.run(call(*args, **kwargs))


@contextmanager
def over_requests(login: str | None, password: str, url: str) -> Iterator[Any]:
    with http.RequestsHttpClient() as session:
        yield client.APIClient(login, password, base_url=url, http=session)


@contextmanager
def over_httpx(login: str | None, password: str, url: str) -> Iterator[Any]:
    with http.HttpxHttpClient() as session:
        yield client.APIClient(login, password, base_url=url, http=session)


@contextmanager
def over_aiohttp(login: str | None, password: str, url: str) -> Iterator[Any]:
    with asyncio.Runner() as runner:
        session = runner.run(ahttp.AiohttpAsyncHttpClient().__aenter__())
        inner = client.AsyncAPIClient(login, password, base_url=url, http_client=session)
        try:
            yield Blocking(runner, inner)
        finally:
            runner.run(session.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """Up and ready, with servers and a database of its own."""
    with scratch_folder() as folder:
        gateway = Gateway(folder)
        gateway.start()
        try:
            yield gateway
        finally:
            gateway.stop()


@pytest.fixture(params=[over_requests, over_httpx, over_aiohttp], ids=lambda way: way.__name__)
def connect(gateway, request) -> Iterator[Callable[..., Any]]:
    """A function that makes a client with a login and a password, or with a token alone."""
    with ExitStack() as stack:
        url = gateway.url + BASE

        def make(password: str, login: str | None = None) -> Any:
            return stack.enter_context(request.param(login, password, url))

        yield make


@pytest.fixture
def phone(gateway, request) -> Iterator[str]:
    """The name of a simulated phone that is connected."""
    name = request.node.name
    for odd in "[]_":
        name = name.replace(odd, "-")
    key = gateway.owner.api_key
    status, code = gateway.call(key, "POST", "/devices/pairing-codes")
    assert status == 201
    process = gateway.pair_phone(code["code"], name)
    try:
        until(lambda: gateway.call(key, "GET", "/devices")[1]["data"][-1]["status"] == "active", "")
        yield name
    finally:
        process.stop()


def test_the_whole_journey(gateway, connect, phone):
    sms = connect(gateway.owner.api_key, "shop")
    started = datetime.now(UTC)
    order = f"order-{started.timestamp()}"
    assert sms.health_check().status == enums.HealthStatus.PASS
    assert sms.liveness_check().status == enums.HealthStatus.PASS
    assert sms.readiness_check().checks["database"].status == enums.HealthStatus.PASS
    assert sms.startup_check().status == enums.HealthStatus.PASS
    (device,) = sms.list_devices()
    assert (device.name, len(device.id), device.created_at > started - timedelta(hours=1)) == (
        phone,
        21,
        True,
    )
    settings = domain.DeviceSettings(
        messages=domain.SettingsMessages(
            limit_period=enums.LimitPeriod.PER_HOUR,
            limit_value=60,
            processing_order=enums.MessagesProcessingOrder.FIFO,
        ),
        webhooks=domain.SettingsWebhooks(signing_key=SIGNING_KEY, retry_count=3),
    )
    sms.update_settings(settings)
    sms.patch_settings(domain.DeviceSettings(ping=domain.SettingsPing(interval_seconds=60)))
    assert sms.get_settings() == domain.DeviceSettings(
        messages=settings.messages,
        ping=domain.SettingsPing(interval_seconds=60),
        webhooks=domain.SettingsWebhooks(retry_count=3),
    )
    with Receiver() as receiver:
        send_and_hear(sms, receiver, order, device)
        hear_what_came_in(sms, receiver, gateway, phone)
    with pytest.raises(errors.APIError) as again:
        sms.send(message(order))
    assert (again.value.status_code, list(again.value.response)) == (409, ["message"])
    assert [
        row.id
        for row in sms.get_messages(
            query=domain.MessagesQueryFilter(from_=started, state="Delivered", device_id=device.id),
            pagination=domain.QueryPagination(limit=10, offset=0),
            sort="-created_at",
        )
    ] == [order]
    cancel(sms, gateway, device)
    exchange_tokens(sms, connect, order)
    for refuse in (
        lambda: sms.get_logs(),
        lambda: sms.refresh_inbox(domain.InboxRefreshRequest(started, datetime.now(UTC))),
        lambda: sms.export_inbox(domain.MessagesExportRequest(device.id, started, started)),
    ):
        with pytest.raises(errors.APIError) as refused:
            refuse()
        assert refused.value.status_code == 501
    with pytest.raises(errors.NotFoundError):
        sms.download_attachment("nothing", 1)
    with pytest.raises(errors.BadRequestError):
        sms.send(domain.Message(phone_numbers=["nobody"], text_message=domain.TextMessage("Hi")))
    sms.remove_device(device.id)
    assert sms.list_devices() == []


def message(order: str, **fields: Any) -> domain.Message:
    text = domain.TextMessage("Your order is ready")
    return domain.Message(phone_numbers=NUMBERS, text_message=text, id=order, **fields)


def send_and_hear(sms: Any, receiver: Receiver, order: str, device: domain.Device) -> None:
    """A text to two numbers, its states, and its webhook with the documented signature."""
    made = sms.create_webhook(
        domain.Webhook(None, receiver.url, enums.WebhookEvent.SMS_SENT, device.id)
    )
    assert sms.get_webhooks() == [made]
    state = sms.send(
        message(
            order,
            priority=enums.MessagePriority.BYPASS_THRESHOLD,
            sim_number=1,
            valid_until=datetime.now(UTC) + timedelta(hours=1),
        ),
        skip_phone_validation=True,
        device_active_within=12,
    )
    assert (state.id, [one.phone_number for one in state.recipients]) == (order, NUMBERS)
    until(lambda: sms.get_state(order).state == enums.ProcessState.Delivered, "both are delivered")
    assert sms.get_state(order).device_id == device.id
    until(lambda: len(receiver.requests) == 2, "both webhooks came")
    bodies = [json.loads(request.body) for request in receiver.requests]
    assert sorted(body["payload"]["recipient"] for body in bodies) == NUMBERS
    for request, body in zip(receiver.requests, bodies, strict=True):
        signed = request.body + request.headers["x-timestamp"].encode()
        expected = hmac.new(SIGNING_KEY.encode(), signed, hashlib.sha256).hexdigest()
        assert request.headers["x-signature"] == expected
        assert (body["webhookId"], body["event"], body["deviceId"]) == (
            made.id,
            "sms:sent",
            device.id,
        )
        assert body["payload"]["messageId"] == order
    sms.delete_webhook(made.id)
    assert sms.get_webhooks() == []


def hear_what_came_in(sms: Any, receiver: Receiver, gateway: Gateway, phone: str) -> None:
    """A text that comes in, told and in the inbox."""
    event = enums.WebhookEvent.SMS_RECEIVED
    made = sms.create_webhook(domain.Webhook("inbox", receiver.url, event))
    gateway.bring_text(phone, "+6582220000", "Yes please")
    until(lambda: len(receiver.requests) == 3, "the text was told")
    payload = json.loads(receiver.requests[-1].body)["payload"]
    (row,) = sms.list_inbox_messages(pagination=domain.QueryPagination(limit=1))
    assert (row.id, row.sender, row.content_preview) == (
        payload["messageId"],
        payload["phoneNumber"],
        "Yes please",
    )
    sms.delete_webhook(made.id)


def cancel(sms: Any, gateway: Gateway, device: domain.Device) -> None:
    """A text that waits for a phone that is paused."""
    key = gateway.owner.api_key
    native = gateway.call(key, "GET", "/devices")[1]["data"][-1]["id"]
    gateway.call(key, "PATCH", f"/devices/{native}", {"status": "paused"})
    waiting = sms.send(message(f"late-{native}", device_id=device.id))
    assert waiting.state == enums.ProcessState.Pending
    sms.cancel_message(waiting.id)
    assert sms.get_state(waiting.id).state == enums.ProcessState.Cancelled
    with pytest.raises(REFUSED):
        sms.cancel_message(waiting.id)
    with pytest.raises(REFUSED):
        sms.cancel_message("nothing")


def exchange_tokens(sms: Any, connect: Callable[..., Any], order: str) -> None:
    """A token instead of the key: used, refreshed, revoked."""
    token = sms.generate_token(domain.TokenRequest(["messages:read"], ttl=600))
    deputy = connect(token.access_token)
    assert deputy.get_state(order).state == enums.ProcessState.Delivered
    with pytest.raises(errors.ForbiddenError):
        deputy.list_devices()
    if not isinstance(sms, Blocking):  # the asynchronous client's own call lacks an argument
        token = sms.refresh_token(token.refresh_token)
        deputy = connect(token.access_token)
        assert deputy.get_state(order).state == enums.ProcessState.Delivered
    sms.revoke_token(token.id)
    with pytest.raises(errors.UnauthorizedError):
        deputy.get_state(order)
