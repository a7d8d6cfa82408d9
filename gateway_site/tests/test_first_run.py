"""What `manage.py up` asks of the data on its first start."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import ApiKey, Membership, Tenant, User
from devices.models import Device, PairingCode
from devices.services.pairing import PhoneDescription, pair_device

pytestmark = pytest.mark.usefixtures("db")


def first_run(*arguments: str) -> dict[str, object]:
    output = StringIO()
    call_command("first_run", *arguments, stdout=output)
    return json.loads(output.getvalue())


def test_first_start_opens_an_account_whose_key_and_password_work(client, settings):
    settings.OWNER_EMAIL, settings.DEFAULT_COUNTRY = "Owner@Example.com", "SG"
    told = first_run()
    tenant, owner = Tenant.objects.get(), User.objects.get()
    headers = {"Authorization": f"Bearer {told['api_key']}"}
    assert (told["created"], told["email"], set(told)) == (
        True,
        "owner@example.com",
        {"created", "email", "password", "api_key"},
    )
    assert owner.check_password(str(told["password"])) is True
    assert (owner.is_staff, owner.is_superuser, tenant.default_country) == (True, True, "SG")
    assert client.get("/v1/messages", headers=headers).status_code == 200


def test_second_start_changes_nothing():
    first_run()
    assert first_run() == {"created": False, "email": "owner@example.com"}
    rows = (Tenant, User, Membership, ApiKey)
    assert [model.objects.count() for model in rows] == [1, 1, 1, 1]


def test_start_without_an_owner_left_is_no_error():
    Tenant.objects.create(name="Nobody's")
    assert first_run() == {"created": False, "email": ""}


def test_pairing_code_pairs_a_phone_of_the_first_tenant_once():
    first_run()
    told = first_run("--pairing-code")
    pair_device(digits=str(told["code"]), phone=PhoneDescription(), address="127.0.0.1")
    assert (set(told), Device.objects.get().tenant) == ({"code"}, Tenant.objects.get())
    assert PairingCode.objects.get().used_at is not None


def test_pairing_code_before_the_first_start_says_what_to_do():
    with pytest.raises(CommandError, match="first_run"):
        first_run("--pairing-code")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OWNER_EMAIL", "nonsense"),
        ("DEFAULT_COUNTRY", "Singapore"),
        ("DEFAULT_TIME_ZONE", "Mars/Olympus"),
    ],
)
def test_setting_that_makes_no_sense_is_told_before_anything_is_made(settings, name, value):
    setattr(settings, name, value)
    with pytest.raises(CommandError):
        first_run()
    assert Tenant.objects.count() == 0
