"""From a code to a phone, and what the app tells and is told when it starts."""

import json
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from accounts.secrets import decrypt
from accounts.services.tenants import suspend_tenant
from accounts.tests.factories import TenantFactory
from devices.models import Device
from devices.services.devices import revoke_device
from devices.services.pairing import create_pairing_code
from devices.tests.factories import DeviceFactory, token_of
from integrations.phones.smsgate.inputs import SimCardIn, StartedIn
from integrations.phones.smsgate.models import PairedApp
from integrations.phones.smsgate.services.registration import note_start
from integrations.phones.smsgate.tests.factories import API, AppClient
from integrations.phones.smsgate.wire_ids import wire_device_id

pytestmark = pytest.mark.django_db

REDACTED = {
    "slotIndex": 0,
    "simNumber": 1,
    "phoneNumber": "********1234",
    "carrierName": "****fone",
    "iccid": "****************7890",
}


def register(authorization: str, body: object = None, agent: str = "me.capcom.smsgateway/1.68.0"):
    return Client().post(
        f"{API}/device",
        json.dumps(body or {"name": "acme/phone-01"}),
        "application/json",
        headers={"Authorization": authorization, "User-Agent": agent},
    )


@pytest.fixture
def code():
    return create_pairing_code(tenant=TenantFactory(name="Alice"), actor=None)[1]


def test_code_becomes_an_android_phone(code):
    answer = register(f"Code {code}", {"name": "acme/phone-01", "simCards": [REDACTED]})
    app = PairedApp.objects.select_related("device").get()
    assert (answer.status_code, sorted(answer.json())) == (201, ["id", "login", "token"])
    assert (answer.json()["id"], answer.json()["login"]) == (
        wire_device_id(app.device),
        "Alice / acme phone-01",
    )
    assert (app.device.kind, app.device.app) == (Device.Kind.ANDROID, "SMSGate 1.68.0")
    sims = app.device.sims.values_list("slot", "number", "carrier")
    assert list(sims) == [(1, "", "")]  # stars are no number
    assert len(decrypt(app.signing_key)) == 32


@pytest.mark.parametrize(
    "authorization", ["", "Bearer x", "Basic YTpi", "Code", "Code 1234567", "Code 00000000"]
)
def test_anything_but_a_live_code_is_refused_in_a_sentence(code, authorization):
    answer = register(authorization)
    assert (answer.status_code, list(answer.json())) == (401, ["message"])
    assert PairedApp.objects.count() == 0


def test_too_many_wrong_codes_are_refused_with_the_time_to_wait(code):
    for _ in range(5):
        assert register("Code 00000000").status_code == 401
    answer = register(f"Code {code}")
    assert (answer.status_code, answer["Retry-After"]) == (429, "600")


@pytest.mark.parametrize("body", [b"[", b"[]", b'{"name": 5}', b'{"simCards": {}}'])
def test_malformed_registration_does_not_spend_the_code(code, body):
    headers = {"Authorization": f"Code {code}"}
    answer = Client().post(f"{API}/device", body, "application/json", headers=headers)
    assert answer.status_code == 400
    assert register(f"Code {code}").status_code == 201


def test_start_stores_what_is_new_and_no_stars():
    call = AppClient()
    call.device.sims.update(number="+6598765432", carrier="Example")
    body = {"id": wire_device_id(call.device), "simCards": [REDACTED], "pushToken": "fcm"}
    assert call("PATCH", "/device", body).status_code == 204
    call.app.refresh_from_db()
    assert decrypt(call.app.push_token) == "fcm"
    assert list(call.device.sims.values_list("number", "carrier")) == [("+6598765432", "Example")]
    del body["pushToken"]
    assert call("PATCH", "/device", body).status_code == 204
    call.app.refresh_from_db()
    assert call.app.push_token == ""


def test_start_under_another_phones_id_is_forbidden():
    call, other = AppClient(), AppClient()
    assert call("PATCH", "/device", {"id": wire_device_id(other.device)}).status_code == 403


def test_started_event_tells_whole_numbers():
    app = AppClient().app
    cards = [SimCardIn(0, 1, "+6598765432", "Example"), SimCardIn(1, 2, None, "Other")]
    note_start(app, StartedIn([*cards, SimCardIn(None, None, "+1"), SimCardIn(None, 99)]))
    sims = app.device.sims.values_list("slot", "number", "carrier")
    assert list(sims) == [(1, "+6598765432", "Example"), (2, "", "Other")]


def test_everything_but_the_address_needs_the_token():
    call = AppClient()
    for method, path in (
        ("PATCH", "/device"),
        ("GET", "/message"),
        ("PATCH", "/message"),
        ("GET", "/settings"),
        ("GET", "/webhooks"),
        ("GET", "/events"),
    ):
        for authorization in ("Bearer x", "Basic YTpi", "Code 12345678", "Bearer "):
            assert call(method, path, authorization=authorization).status_code == 401
    answer = call("GET", "/device", authorization="Bearer x")
    assert (answer.status_code, answer.json()) == (200, {"externalIp": "127.0.0.1"})


def test_token_of_another_kind_of_phone_is_refused():
    token = token_of(DeviceFactory())
    assert AppClient()("GET", "/message", authorization=f"Bearer {token}").status_code == 401


def test_revoked_phone_is_refused_with_401_and_a_suspended_accounts_phone_with_503():
    call = AppClient()
    suspend_tenant(tenant=call.device.tenant, actor=None, reason="unpaid")
    for path in ("/message", "/settings", "/webhooks", "/events"):
        answer = call("GET", path)
        assert (answer.status_code, answer["Retry-After"]) == (503, "300")
    revoke_device(device=call.device, actor=None)
    assert call("GET", "/message").status_code == 401


def test_fetched_settings_and_webhooks_are_known_to_be():
    call = AppClient(version="1.66.0")
    document = call("GET", "/settings").json()
    assert document["webhooks"]["signing_key"] == "signing-key"
    hooks = call("GET", "/webhooks").json()
    assert [hook["event"] for hook in hooks] == [
        "sms:received",
        "sms:data-received",
        "mms:downloaded",
        "system:ping",
        "app:started",
    ]
    assert len({hook["id"] for hook in hooks}) == 5
    assert [hook["deviceId"] for hook in hooks] == [None] * 5
    assert hooks == call("GET", "/webhooks").json()
    call.app.refresh_from_db()
    assert (len(call.app.settings_told), len(call.app.webhooks_told)) == (64, 64)


def test_requests_are_signs_of_life():
    call = AppClient()
    Device.objects.update(is_online=False, last_seen_at=None)
    call("GET", "/message")
    device = Device.objects.get()
    assert (device.is_online, device.is_heard, device.contact_seconds) == (True, True, 900)
    assert timezone.now() > device.last_seen_at


ODD = [
    "",
    " ",
    "\x00",
    "é" * 40,
    "\xff\xfe",
    "x" * 20_000,
    "Bearer " + "\xff" * 40,
    "Code " + "９" * 8,
]


@pytest.mark.parametrize(
    "header", ["Authorization", "User-Agent", "X-Timestamp", "X-Signature", "Content-Type", "Host"]
)
def test_odd_header_is_no_server_error(header):
    call, client = AppClient(), Client(raise_request_exception=False)
    secret = token_of(call.device)
    hook = urlsplit(call("GET", "/webhooks").json()[0]["url"]).path
    for value in ODD:
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        for method, path in (
            ("POST", f"{API}/device"),
            ("PATCH", f"{API}/device"),
            ("GET", f"{API}/message"),
            ("PATCH", f"{API}/message"),
            ("POST", hook),
        ):
            answer = client.generic(method, path, b"{}", headers=headers | {header: value})
            assert (method, path, answer.status_code < 500) == (method, path, True)
