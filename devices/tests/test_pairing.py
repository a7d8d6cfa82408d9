"""From eight digits to a paired phone."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.errors import RateLimited, TenantInactive
from accounts.models import ApiKey, Membership
from accounts.secrets import keyed_hash
from accounts.services.tenants import suspend_tenant
from accounts.tests.factories import MembershipFactory, TenantFactory, bearer
from devices.errors import InvalidPairingCode
from devices.models import Device, DeviceToken, PairingCode
from devices.services.pairing import (
    CODE_LIFETIME,
    PairedPhone,
    PhoneDescription,
    create_pairing_code,
    pair_device,
    prune_spent_codes,
)
from devices.services.sims import SimReport
from devices.tests.listener import Refused
from webhooks.models import Endpoint

pytestmark = pytest.mark.usefixtures("db")

PIXEL = PhoneDescription(
    name="Front desk",
    model="Pixel 7",
    app="agent 1.0",
    sims=(SimReport(1, "+6581230000", "Example"), SimReport(2)),
)


@pytest.fixture
def tenant():
    return MembershipFactory(user__email="alice@example.com").tenant


def code_of(tenant) -> str:
    return create_pairing_code(tenant=tenant, actor=None)[1]


def pair(digits: str, address: str = "192.0.2.1", phone=PhoneDescription()) -> PairedPhone:  # noqa: B008 - frozen
    return pair_device(digits=digits, phone=phone, address=address)


def test_code_is_eight_digits_of_which_only_a_hash_is_stored(tenant):
    code, digits = create_pairing_code(tenant=tenant, actor=tenant.members.get())
    assert re.fullmatch("[0-9]{8}", digits) is not None
    assert PairingCode.objects.get().code_hash == keyed_hash(digits)
    assert code.expires_at - code.created_at <= CODE_LIFETIME
    assert [entry.action for entry in tenant.audit_entries.all()] == ["pairing_code.created"]


def test_digits_of_another_live_code_are_drawn_again(tenant, monkeypatch):
    drawn = iter([12345678, 12345678, 87654321])
    monkeypatch.setattr("devices.services.pairing.secrets.randbelow", lambda _: next(drawn))
    assert [code_of(tenant), code_of(TenantFactory())] == ["12345678", "87654321"]


def test_spent_codes_are_kept_for_a_month(tenant):
    pair(code_of(tenant))
    PairingCode.objects.update(used_at=timezone.now() - timedelta(days=29))
    assert prune_spent_codes() == 0
    PairingCode.objects.update(used_at=timezone.now() - timedelta(days=31))
    assert prune_spent_codes() == 1


def test_pairing_makes_a_device_with_its_sims_and_a_token(tenant):
    paired = pair(code_of(tenant), phone=PIXEL)
    device = Device.objects.get()
    assert (device.tenant, device.name, device.model, device.app, device.is_default) == (
        tenant,
        "Front desk",
        "Pixel 7",
        "agent 1.0",
        True,
    )
    assert list(device.sims.values_list("slot", "number", "carrier")) == [
        (1, "+6581230000", "Example"),
        (2, "", ""),
    ]
    assert DeviceToken.objects.get().token_hash == keyed_hash(paired.token)
    assert PairingCode.objects.get().device == device


@pytest.mark.parametrize(
    ("phone", "name"),
    [
        (PhoneDescription(name="Desk", model="Pixel"), "Desk"),
        (PhoneDescription(model="Pixel"), "Pixel"),
        (PhoneDescription(), "Phone"),
    ],
)
def test_phone_is_called_by_the_best_name_there_is(tenant, phone, name):
    assert pair(code_of(tenant), phone=phone).device.name == name


def test_phone_that_lists_no_sims_has_one(tenant):
    assert [sim.slot for sim in pair(code_of(tenant)).device.sims.all()] == [1]


def test_first_phone_brings_endpoint_key_and_mail_to_the_owners(
    tenant, mailoutbox, django_capture_on_commit_callbacks
):
    MembershipFactory(tenant=tenant, user__email="bob@example.com", role=Membership.Role.ADMIN)
    MembershipFactory(user__email="charlie@example.com")
    with django_capture_on_commit_callbacks(execute=True):
        once = pair(code_of(tenant)).once
    assert set(once) == {"api_key", "signing_secret"}
    assert ApiKey.objects.get(tenant=tenant).secret_hash == keyed_hash(once["api_key"])
    assert once["signing_secret"].startswith(Endpoint.objects.get(tenant=tenant).secret_prefix)
    assert [(mail.to, mail.body.count(once["api_key"])) for mail in mailoutbox] == [
        (["alice@example.com"], 1)
    ]


def test_second_phone_brings_nothing_and_is_not_the_default(
    tenant, mailoutbox, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        pair(code_of(tenant))
        second = pair(code_of(tenant))
    assert (second.once, second.device.is_default, len(mailoutbox)) == ({}, False, 1)
    assert (ApiKey.objects.count(), Endpoint.objects.count()) == (1, 1)


def test_first_phone_of_a_tenant_with_a_key_brings_no_second_one(tenant, mailoutbox):
    bearer(tenant)
    assert (set(pair(code_of(tenant)).once), mailoutbox) == ({"signing_secret"}, [])


def test_pairing_tells_the_apps_above(tenant, heard):
    device = pair(code_of(tenant)).device
    assert heard == [("device.paired", device.pk)]


@pytest.mark.usefixtures("refusing_listener")
def test_pairing_that_a_listener_breaks_has_not_happened(tenant):
    digits = code_of(tenant)
    with pytest.raises(Refused):
        pair(digits)
    assert (Device.objects.count(), ApiKey.objects.count()) == (0, 0)
    assert PairingCode.objects.get().used_at is None


def test_code_works_once(tenant):
    digits = code_of(tenant)
    pair(digits)
    with pytest.raises(InvalidPairingCode):
        pair(digits)
    assert Device.objects.count() == 1


@pytest.mark.parametrize(("age", "works"), [(timedelta(seconds=-1), True), (timedelta(0), False)])
def test_code_works_for_ten_minutes(tenant, age, works):
    digits = code_of(tenant)
    PairingCode.objects.update(expires_at=timezone.now() - age)
    assert is_accepted(digits) is works


def test_code_of_a_suspended_tenant_is_not_spent(tenant):
    digits = code_of(tenant)
    suspend_tenant(tenant=tenant, actor=None, reason="unpaid")
    with pytest.raises(TenantInactive):
        pair(digits)
    assert (PairingCode.objects.get().used_at, Device.objects.count()) == (None, 0)


def test_five_wrong_guesses_shut_an_address_out_and_no_other(tenant):
    digits = code_of(tenant)
    wrong = [f"{(int(digits) + n) % 10**8:08}" for n in range(1, 6)]
    assert [is_accepted(guess) for guess in wrong] == [False] * 5
    with pytest.raises(RateLimited) as refused:
        pair(digits)
    assert (refused.value.headers["Retry-After"], Device.objects.count()) == ("600", 0)
    assert is_accepted(digits, "192.0.2.2") is True


@pytest.mark.parametrize(
    ("guessing", "other"),
    [
        ("2001:db8:0:1::{n}", "2001:db8:0:2::1"),  # a subscriber has a whole /64
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
        ("unknown", "192.0.2.1"),
    ],
)
def test_guesses_are_counted_by_subscriber(tenant, guessing, other):
    digits = code_of(tenant)
    wrong = [f"{(int(digits) + n) % 10**8:08}" for n in range(1, 6)]
    assert [is_accepted(guess, guessing.format(n=n)) for n, guess in enumerate(wrong)] == [
        False
    ] * 5
    with pytest.raises(RateLimited):
        pair(digits, guessing.format(n=6))
    assert is_accepted(digits, other) is True


def test_right_codes_are_no_guesses():
    tenant = TenantFactory()
    assert [is_accepted(code_of(tenant)) for _ in range(7)] == [True] * 7


def test_thirty_codes_in_ten_minutes_are_enough_for_a_tenant(tenant):
    for _ in range(30):
        code_of(tenant)
    with pytest.raises(RateLimited):
        code_of(tenant)
    assert len(code_of(TenantFactory())) == 8


def test_expired_codes_are_cleared_away(tenant):
    code_of(tenant)
    PairingCode.objects.update(expires_at=timezone.now())
    code_of(tenant)
    assert PairingCode.objects.count() == 1


def is_accepted(digits: str, address: str = "192.0.2.1") -> bool:
    try:
        pair(digits, address)
    except InvalidPairingCode:
        return False
    return True
