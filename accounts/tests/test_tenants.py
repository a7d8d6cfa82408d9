"""A tenant's life, what it leaves in the audit log, and how soon API keys follow."""

import pytest

from accounts.errors import InvalidInput, TenantInactive
from accounts.models import ApiKey, Membership, Tenant, User
from accounts.services.api_keys import NewApiKey, authenticate_key, create_api_key
from accounts.services.tenants import (
    NewTenant,
    TenantSettings,
    activate_tenant,
    open_tenant,
    suspend_tenant,
    update_settings,
)
from accounts.tests.factories import TenantFactory, UserFactory

pytestmark = pytest.mark.usefixtures("db")


def new_tenant(**changes) -> NewTenant:
    asked = {
        "name": "Alice's shop",
        "owner_email": "Alice@Example.com",
        "owner_password": "correct horse battery",
        "default_country": "sg",
    }
    return NewTenant(**(asked | changes))


def actions(tenant) -> list[tuple[str, str]]:
    return [(entry.action, entry.actor_name) for entry in tenant.audit_entries.order_by("pk")]


def test_open_tenant_makes_its_owner():
    tenant = open_tenant(new=new_tenant())
    owner = tenant.members.get()
    assert (tenant.default_country, tenant.is_active, owner.email) == (
        "SG",
        True,
        "alice@example.com",
    )
    assert owner.check_password("correct horse battery") is True
    assert tenant.memberships.get().role == Membership.Role.OWNER
    assert actions(tenant) == [("tenant.opened", "alice@example.com")]


def test_open_tenant_for_a_known_user_keeps_the_password():
    alice = UserFactory(email="alice@example.com")
    alice.set_password("hers already")
    alice.save()
    tenant = open_tenant(new=new_tenant())
    assert tenant.members.get() == alice
    assert User.objects.get().check_password("hers already") is True


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"default_country": "Singapore"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../etc/passwd"},
        {"owner_email": "nonsense"},
    ],
)
def test_open_tenant_refuses_what_would_break_later(changes):
    with pytest.raises(InvalidInput):
        open_tenant(new=new_tenant(**changes))
    assert (Tenant.objects.count(), User.objects.count()) == (0, 0)


def test_suspend_and_activate_are_in_the_audit_log_once():
    tenant, staff = TenantFactory(), UserFactory(email="staff@example.com")
    assert [suspend_tenant(tenant=tenant, actor=staff, reason="unpaid") for _ in range(2)] == [
        True,
        False,
    ]
    assert (tenant.is_active, tenant.suspended_reason) == (False, "unpaid")
    assert tenant.suspended_at is not None
    assert [activate_tenant(tenant=tenant, actor=staff) for _ in range(2)] == [True, False]
    assert (tenant.is_active, tenant.suspended_reason, tenant.suspended_at) == (True, "", None)
    assert actions(tenant) == [
        ("tenant.suspended", "staff@example.com"),
        ("tenant.activated", "staff@example.com"),
    ]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
def test_suspension_needs_a_reason_that_can_be_read(reason):
    tenant = TenantFactory()
    with pytest.raises(InvalidInput):
        suspend_tenant(tenant=tenant, actor=None, reason=reason)
    tenant.refresh_from_db()
    assert tenant.is_active is True


def test_suspend_and_activate_reach_cached_keys_at_once(django_capture_on_commit_callbacks):
    tenant = TenantFactory()
    api_key, secret = create_api_key(tenant=tenant, new=NewApiKey("Test"), actor=None)
    assert authenticate_key(secret=secret, address="") == api_key
    with django_capture_on_commit_callbacks(execute=True):
        suspend_tenant(tenant=tenant, actor=None, reason="unpaid")
    with pytest.raises(TenantInactive):
        authenticate_key(secret=secret, address="")
    with django_capture_on_commit_callbacks(execute=True):
        activate_tenant(tenant=tenant, actor=None)
    assert authenticate_key(secret=secret, address="") == api_key


def test_suspension_of_one_tenant_leaves_the_others_alone():
    alice, charlie = TenantFactory(), TenantFactory()
    _, secret = create_api_key(tenant=charlie, new=NewApiKey("Test"), actor=None)
    suspend_tenant(tenant=alice, actor=None, reason="unpaid")
    assert authenticate_key(secret=secret, address="") == ApiKey.objects.get(tenant=charlie)


def test_settings_that_change_are_in_the_audit_log_once(django_capture_on_commit_callbacks):
    tenant, alice = TenantFactory(default_country="SG"), UserFactory(email="alice@example.com")
    _, secret = create_api_key(tenant=tenant, new=NewApiKey("Test"), actor=alice)
    authenticate_key(secret=secret, address="")
    wanted = TenantSettings(default_country="de", time_zone="UTC", keep_inbound=False)
    with django_capture_on_commit_callbacks(execute=True):
        changed = [update_settings(tenant=tenant, wanted=wanted, actor=alice) for _ in range(2)]
    seen = authenticate_key(secret=secret, address="").tenant
    assert (changed, seen.default_country, seen.keep_inbound) == ([True, False], "DE", False)
    entry = tenant.audit_entries.get(action="tenant.settings_changed")
    assert (entry.actor, entry.detail) == (
        alice,
        {"default_country": ["SG", "DE"], "keep_inbound": [True, False]},
    )


def test_settings_that_are_wrong_change_nothing():
    tenant = TenantFactory(name="Alice's shop")
    wanted = TenantSettings(name="Bob's", default_country="ZZ", time_zone="Mars/Olympus")
    with pytest.raises(InvalidInput) as refused:
        update_settings(tenant=tenant, wanted=wanted, actor=None)
    assert [issue.path for issue in refused.value.issues] == ["defaultCountry", "timeZone"]
    tenant.refresh_from_db()
    assert (tenant.name, actions(tenant)) == ("Alice's shop", [])
