"""The audit log in words."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from accounts.services.audit import record_audit
from accounts.tests.factories import MembershipFactory, TenantFactory
from devices.tests.factories import DeviceFactory
from gateway_site.pages.audit import PAGE

pytestmark = pytest.mark.django_db

Role = Membership.Role


@pytest.fixture
def device():
    return DeviceFactory(name="Front desk")


@pytest.fixture
def tenant(device):
    return device.tenant


@pytest.fixture
def admin(client, tenant):
    """Who is logged in."""
    user = MembershipFactory(tenant=tenant, role=Role.ADMIN, user__email="ann@example.com").user
    client.force_login(user)
    return user


def sentences(client, **query) -> list[str]:
    lines = client.get("/audit", query).context["lines"]
    return [" ".join(filter(None, (x.actor, x.before, x.target, x.after))) for x in lines]


def test_entries_are_sentences_newest_first(client, admin, tenant, device):
    record_audit(tenant=tenant, actor=admin, action="device.paused", target=device.external_id)
    record_audit(
        tenant=tenant, actor=admin, action="device.made_default", target=device.external_id
    )
    record_audit(tenant=tenant, actor=None, action="api_key.created", target="x", name="Shop")
    record_audit(tenant=tenant, actor=admin, action="member.left", target="ann@example.com")
    record_audit(tenant=tenant, actor=admin, action="moon.landed", target="crater")
    assert sentences(client) == [
        "ann@example.com moon landed: crater",
        "ann@example.com left the team",
        "API made the API key Shop",
        "ann@example.com made Front desk the default phone",
        "ann@example.com paused the phone Front desk",
    ]


def test_target_that_is_there_is_linked(client, admin, tenant, device):
    for target in (device.external_id, DeviceFactory().external_id):
        record_audit(tenant=tenant, actor=admin, action="device.paused", target=target)
    stranger, own = client.get("/audit").context["lines"]
    assert (own.link, stranger.link) == (f"/devices/{device.external_id}", "")
    assert client.get(own.link).status_code == 200


def test_changed_settings_tell_what_was_and_what_is(client, admin, tenant):
    record_audit(
        tenant=tenant,
        actor=admin,
        action="tenant.settings_changed",
        keep_inbound=[True, False],
        retention_days=[None, 30],
    )
    (line,) = client.get("/audit").context["lines"]
    assert line.details == ["keep inbound: yes → no", "retention days: none → 30"]


def test_log_is_filtered_by_kind_and_by_who_did_it(client, admin, tenant):
    other = MembershipFactory(tenant=tenant, role=Role.OWNER, user__email="bob@example.com").user
    record_audit(tenant=tenant, actor=admin, action="rule.created", name="Hours")
    record_audit(tenant=tenant, actor=other, action="api_key.created", name="Shop")
    record_audit(tenant=tenant, actor=None, action="rules.reordered")
    assert sentences(client, kind="rules") == [
        "API changed the order of the rules",
        "ann@example.com made the rule Hours",
    ]
    assert sentences(client, actor=str(other.pk)) == ["bob@example.com made the API key Shop"]
    assert sentences(client, actor="api", kind="rules") == ["API changed the order of the rules"]
    assert sentences(client, kind="webhooks") == []
    assert len(sentences(client, kind="moons", actor="x")) == 3


def test_another_tenants_log_is_not_shown(client, admin):
    record_audit(tenant=TenantFactory(), actor=admin, action="tenant.opened")
    assert sentences(client, actor=str(admin.pk)) == []


def test_members_below_admin_do_not_see_it(client, tenant):
    client.force_login(MembershipFactory(tenant=tenant, role=Role.OPERATOR).user)
    assert client.get("/audit").status_code == 403


def test_more_is_loaded_behind_the_last_entry(client, admin, tenant):
    for number in range(PAGE + 2):
        record_audit(tenant=tenant, actor=admin, action="rule.created", name=str(number))
    first = client.get("/audit").context
    following = client.get("/audit", {"before": first["before"]}, headers={"HX-Request": "true"})
    assert (len(first["lines"]), following.content.count(b"<html")) == (PAGE, 0)
    assert [line.target for line in following.context["lines"]] == ["1", "0"]
    assert following.context["before"] is None


def test_log_takes_as_many_queries_for_one_entry_as_for_thirty(client, admin, tenant, device):
    def pause():
        record_audit(tenant=tenant, actor=admin, action="device.paused", target=device.external_id)

    pause()
    client.get("/audit")
    with CaptureQueriesContext(connection) as one:
        client.get("/audit")
    for _ in range(29):
        pause()
    with CaptureQueriesContext(connection) as thirty:
        answer = client.get("/audit")
    assert (len(thirty), len(answer.context["lines"])) == (len(one), 30)
