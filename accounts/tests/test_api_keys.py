"""API keys: made, recognised, revoked."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.errors import InvalidApiKey, InvalidInput, IpNotAllowed, Unauthorized
from accounts.models import ApiKey
from accounts.secrets import keyed_hash, new_api_key
from accounts.services.api_keys import (
    NewApiKey,
    authenticate_key,
    create_api_key,
    forget_cached_keys,
    revoke_api_key,
)
from accounts.tests.factories import TenantFactory, UserFactory

pytestmark = pytest.mark.usefixtures("db")


def make_key(**wanted) -> tuple[ApiKey, str]:
    return create_api_key(tenant=TenantFactory(), new=NewApiKey("Test", **wanted), actor=None)


def audited(api_key: ApiKey) -> list[tuple[str, str]]:
    entries = api_key.tenant.audit_entries.order_by("pk")
    return [(entry.action, entry.target) for entry in entries]


def test_create_stores_only_a_hash_and_the_first_characters():
    api_key, secret = make_key()
    stored = ApiKey.objects.values().get()
    assert (stored["secret_hash"], stored["prefix"]) == (keyed_hash(secret), secret[:12])
    assert [name for name, value in stored.items() if value == secret] == []
    assert audited(api_key) == [("api_key.created", api_key.external_id)]


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),
        lambda key: key.replace("sk_live_", "sk_test_"),
    ],
)
def test_mistyped_key_is_invalid_without_a_query(change, django_assert_num_queries):
    _, secret = make_key()
    with django_assert_num_queries(0), pytest.raises(InvalidApiKey):
        authenticate_key(secret=change(secret), address="")


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key.replace("sk_live_", "pk_live_"),
        lambda key: key[:20],
        lambda key: key + "0",
        lambda key: key.upper(),
        lambda key: key[:-1] + "é",
        lambda key: key[:-1] + "٣",
        lambda key: key + "\n",
        lambda key: "",
    ],
)
def test_what_has_not_the_form_of_a_key_is_unauthorized_without_a_query(
    change, django_assert_num_queries
):
    _, secret = make_key()
    with django_assert_num_queries(0), pytest.raises(Unauthorized) as refused:
        authenticate_key(secret=change(secret), address="")
    assert refused.value.code == "unauthorized"


def test_unknown_key_with_a_good_checksum_costs_one_query(django_assert_num_queries):
    with django_assert_num_queries(1), pytest.raises(InvalidApiKey):
        authenticate_key(secret=new_api_key("sk_live_"), address="")


def test_known_key_is_cached_and_its_use_noted_once_a_minute(django_assert_num_queries):
    api_key, secret = make_key()
    with django_assert_num_queries(2):  # the look-up, the note
        authenticate_key(secret=secret, address="")
    with django_assert_num_queries(0):
        for _ in range(5):
            authenticate_key(secret=secret, address="")
    forget_cached_keys()  # as in another process
    with django_assert_num_queries(1):
        authenticate_key(secret=secret, address="")
    first_use = ApiKey.objects.get().last_used_at
    ApiKey.objects.update(last_used_at=first_use - timedelta(seconds=61))
    forget_cached_keys()
    authenticate_key(secret=secret, address="")
    assert (ApiKey.objects.get().last_used_at > first_use, api_key.is_live) == (True, True)


def test_revoked_key_is_refused_at_once(django_capture_on_commit_callbacks):
    api_key, secret = make_key()
    alice = UserFactory()
    authenticate_key(secret=secret, address="")
    with django_capture_on_commit_callbacks(execute=True):
        answers = [revoke_api_key(api_key=api_key, actor=alice) for _ in range(2)]
    with pytest.raises(InvalidApiKey):
        authenticate_key(secret=secret, address="")
    assert answers == [True, False]
    assert audited(api_key) == [
        ("api_key.created", api_key.external_id),
        ("api_key.revoked", api_key.external_id),
    ]


def test_key_stops_when_it_expires_even_while_cached():
    _, secret = make_key(expires_at=timezone.now() + timedelta(hours=1))
    api_key = authenticate_key(secret=secret, address="")
    api_key.expires_at = timezone.now() - timedelta(seconds=1)  # the cached row: time went by
    with pytest.raises(InvalidApiKey):
        authenticate_key(secret=secret, address="")


def test_two_keys_work_side_by_side_during_rotation():
    old, old_secret = make_key()
    new, new_secret = create_api_key(tenant=old.tenant, new=NewApiKey("New"), actor=None)
    found = [authenticate_key(secret=secret, address="") for secret in (old_secret, new_secret)]
    assert found == [old, new]


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        (("203.0.113.7",), "203.0.113.7"),
        (("203.0.113.0/24",), "203.0.113.255"),
        (("198.51.100.0/24", "203.0.113.0/24"), "203.0.113.1"),
        (("2001:db8::/32",), "2001:db8:ffff::1"),
        (("203.0.113.0/24",), "::ffff:203.0.113.9"),  # how a socket for both families tells it
        ((), "anything"),
    ],
)
def test_key_works_from_an_allowed_network(networks, address):
    api_key, secret = make_key(allowed_networks=networks)
    assert authenticate_key(secret=secret, address=address) == api_key


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        (("203.0.113.0/24",), "203.0.114.1"),
        (("203.0.113.0/24",), "2001:db8::1"),
        (("2001:db8::/32",), "2001:db9::1"),
        (("0.0.0.0/0",), "2001:db8::1"),
        (("203.0.113.0/24",), ""),
        (("203.0.113.0/24",), "203.0.113.7, 203.0.113.8"),
    ],
)
def test_key_is_refused_from_elsewhere(networks, address):
    _, secret = make_key(allowed_networks=networks)
    with pytest.raises(IpNotAllowed):
        authenticate_key(secret=secret, address=address)


def test_refused_address_is_not_a_use_of_the_key():
    api_key, secret = make_key(allowed_networks=("203.0.113.7",))
    with pytest.raises(IpNotAllowed):
        authenticate_key(secret=secret, address="198.51.100.1")
    api_key.refresh_from_db()
    assert api_key.last_used_at is None


@pytest.mark.parametrize("network", ["203.0.113.0/33", "somewhere", ""])
def test_create_refuses_a_network_that_is_none(network):
    with pytest.raises(InvalidInput) as refused:
        make_key(allowed_networks=(network,))
    assert [issue.code for issue in refused.value.issues] == ["invalid_network"]
    assert ApiKey.objects.count() == 0


def test_create_stores_networks_in_cidr_form():
    api_key, _ = make_key(allowed_networks=("203.0.113.7", "2001:db8::1/32"))
    assert api_key.allowed_networks == ["203.0.113.7/32", "2001:db8::/32"]
