"""`/v1/devices/pairing-codes` for clients and `/v1/device/pair` for phones."""

import re
from datetime import datetime

import pytest
from django.utils import timezone

from accounts.tests.factories import MembershipFactory, bearer
from devices.models import Device, DeviceToken
from devices.services.devices import revoke_device
from devices.services.pairing import create_pairing_code
from devices.services.presence import authenticate_device

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def tenant():
    return MembershipFactory().tenant


def code_of(tenant) -> str:
    return create_pairing_code(tenant=tenant, actor=None)[1]


@pytest.fixture
def pair(client):
    """A function that sends a phone's first call."""
    return lambda body: client.post("/v1/device/pair", body, "application/json")


def test_pairing_code_is_eight_digits_for_ten_minutes(client, tenant, settings):
    settings.PUBLIC_URL = "https://gateway.example.org"
    answer = client.post("/v1/devices/pairing-codes", headers=bearer(tenant))
    made = answer.json()
    lifetime = datetime.fromisoformat(made["expiresAt"]) - timezone.now()
    assert (answer.status_code, set(made)) == (201, {"code", "expiresAt", "pairingUrl"})
    assert re.fullmatch("[0-9]{8}", made["code"]) is not None
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}Z", made["expiresAt"]) is not None
    assert 595 < lifetime.total_seconds() <= 600
    assert made["pairingUrl"] == f"https://gateway.example.org/pair?code={made['code']}"


def test_pairing_needs_no_key_and_tells_the_first_phone_its_secrets(pair, tenant, settings):
    settings.PUBLIC_URL = "https://gateway.example.org"
    body = {
        "code": code_of(tenant),
        "name": "Front desk",
        "model": "Pixel 7",
        "kind": "android",
        "app": {"name": "agent", "version": "1.0.0"},
        "sims": [{"slot": 1, "number": "+6581230000", "carrier": "Example"}],
    }
    answer = pair(body)
    told, device = answer.json(), Device.objects.get()
    assert (answer.status_code, told["deviceId"], told["name"], told["socketUrl"]) == (
        201,
        device.external_id,
        "Front desk",
        "wss://gateway.example.org/ws/device",
    )
    assert set(told) == {
        "deviceId",
        "deviceToken",
        "name",
        "socketUrl",
        "apiKey",
        "signingSecret",
    }
    assert authenticate_device(secret=told["deviceToken"]).device == device
    assert (told["apiKey"][:8], told["signingSecret"][:6]) == ("sk_live_", "whsec_")
    assert (device.kind, device.app) == ("android", "agent 1.0.0")


def test_second_phone_is_told_no_secrets_but_its_own(pair, tenant):
    pair({"code": code_of(tenant)})
    told = pair({"code": code_of(tenant)}).json()
    assert set(told) == {"deviceId", "deviceToken", "name", "socketUrl"}
    assert DeviceToken.objects.count() == 2


def test_a_new_first_phone_after_all_were_revoked_brings_nothing_new(pair, tenant):
    pair({"code": code_of(tenant)})
    revoke_device(device=Device.objects.get(), actor=None)
    assert pair({"code": code_of(tenant)}).json().get("apiKey") is None


def test_code_may_be_typed_with_spaces(pair, tenant):
    digits = code_of(tenant)
    assert pair({"code": f" {digits[:4]} {digits[4:]} "}).status_code == 201


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({}, "code", "required"),
        ({"code": 12345678}, "code", "invalid_type"),
        ({"code": "1234567"}, "code", "invalid_code"),
        ({"code": "1234567x"}, "code", "invalid_code"),
        ({"code": "１２３４５６７８"}, "code", "invalid_code"),
        ({"code": "12345678", "kind": "toaster"}, "kind", "invalid_value"),
        ({"code": "12345678", "sims": [{"slot": 0}]}, "sims[0].slot", "invalid_value"),
        ({"code": "12345678", "sims": [{"slot": 1}] * 17}, "sims", "invalid_value"),
        ({"code": "12345678", "name": "x" * 201}, "name", "invalid_value"),
        ({"code": "12345678", "app": {"name": "a\x00"}}, "app.name", "invalid_characters"),
    ],
)
def test_pairing_names_what_is_wrong(pair, body, path, code):
    answer = pair(body)
    (issue,) = answer.json()["issues"]
    assert (answer.status_code, issue["path"], issue["code"]) == (400, path, code)


def test_two_sims_in_one_slot_are_the_later_one(pair, tenant):
    sims = [{"slot": 1, "carrier": "Old"}, {"slot": 1, "carrier": "New"}]
    assert pair({"code": code_of(tenant), "sims": sims}).status_code == 201
    assert [sim.carrier for sim in Device.objects.get().sims.all()] == ["New"]


def test_guessing_is_stopped_with_429(pair, tenant):
    digits = code_of(tenant)
    wrong = f"{(int(digits) + 1) % 10**8:08}"
    assert [pair({"code": wrong}).status_code for _ in range(6)] == [404] * 5 + [429]
    answer = pair({"code": digits})
    assert (answer.status_code, answer["Retry-After"], Device.objects.count()) == (429, "600", 0)
