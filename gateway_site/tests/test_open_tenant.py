"""Opening another account from the command line."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import ApiKey, Tenant
from accounts.services.api_keys import authenticate_key
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def open_tenant(*arguments: str) -> dict[str, str]:
    output = StringIO()
    call_command("open_tenant", *arguments, stdout=output)
    return json.loads(output.getvalue())


def test_account_has_an_owner_and_a_key_that_works():
    told = open_tenant("Alice's shop", "alice@example.com", "--country", "sg")
    tenant = Tenant.objects.get()
    assert (told["tenant"], tenant.name, tenant.default_country) == (
        tenant.external_id,
        "Alice's shop",
        "SG",
    )
    assert tenant.members.get().check_password(told["password"]) is True
    assert authenticate_key(secret=told["api_key"], address="") == ApiKey.objects.get()


def test_known_person_keeps_the_password_and_is_told_none():
    alice = UserFactory(email="alice@example.com")
    told = open_tenant("Alice's second shop", "Alice@Example.com")
    assert (told["email"], told.get("password")) == ("alice@example.com", None)
    assert list(alice.tenants.all()) == [Tenant.objects.get()]


@pytest.mark.parametrize(
    "arguments",
    [
        ("Shop", "nonsense"),
        ("Shop", "a@example.com", "--country", "Singapore"),
        ("Shop", "a@example.com", "--time-zone", "Mars/Olympus"),
        ("", "a@example.com"),
    ],
)
def test_arguments_that_make_no_sense_open_nothing(arguments):
    with pytest.raises(CommandError):
        open_tenant(*arguments)
    assert Tenant.objects.count() == 0
