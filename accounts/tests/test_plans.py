"""Plans, limits and credit: who decides them, what they stop, and what the audit log says."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.errors import GatewayError, InvalidInput
from accounts.limits import Kind, LimitReached, SegmentsSpent, limit_of, segments_left
from accounts.members import Role
from accounts.models import ApiKey, Invitation, Plan, Tenant
from accounts.services.api_keys import (
    NewApiKey,
    authenticate_key,
    create_api_key,
    revoke_api_key,
)
from accounts.services.credits import add_credit, balance_of
from accounts.services.invitations import invite, resend
from accounts.services.plans import PlanWish, change_plan, create_plan, delete_plan, update_plan
from accounts.tests.factories import MembershipFactory, TenantFactory, UserFactory
from devices.models import Device
from devices.services.devices import revoke_device
from devices.services.pairing import PhoneDescription, create_pairing_code, pair_device
from devices.tests.factories import DeviceFactory
from messaging.models import Message
from messaging.services.outbound import queue_batch, queue_message
from messaging.tests.factories import draft
from rules.services.rules import create_rule
from rules.wishes import RuleWish
from webhooks.models import Endpoint
from webhooks.services.endpoints import create_endpoint

pytestmark = pytest.mark.django_db

API, KEYWORD = Message.Origin.API, Message.Origin.KEYWORD
KEY = NewApiKey("Test")


@pytest.fixture
def staff():
    return UserFactory(email="staff@example.com")


def tenant_with(**limits) -> Tenant:
    return TenantFactory(plan=Plan.objects.create(name="Small", **limits))


def refused(call, **arguments) -> str:
    with pytest.raises(LimitReached) as refusal:
        call(**arguments)
    assert (refusal.value.status, refusal.value.code) == (403, "plan_required")
    return refusal.value.message


class TestDecisions:
    def test_without_a_plan_nothing_is_limited(self):
        tenant = TenantFactory()
        assert [limit_of(tenant, kind) for kind in Kind] == [None] * 6

    def test_a_tenants_own_limit_goes_before_its_plans(self):
        tenant = tenant_with(max_phones=1, max_rules=2)
        tenant.max_phones = 5
        limits = [limit_of(tenant, kind) for kind in (Kind.PHONES, Kind.RULES, Kind.MEMBERS)]
        assert limits == [5, 2, None]

    def test_a_change_is_in_the_audit_log_once(self, staff):
        tenant, plan = TenantFactory(), create_plan(wish=PlanWish("Small", {Kind.PHONES: 1}))
        changed = [
            change_plan(tenant=tenant, plan=plan, limits={Kind.RULES: 3}, actor=staff)
            for _ in range(2)
        ]
        tenant.refresh_from_db()
        assert (changed, tenant.plan, tenant.max_rules) == ([True, False], plan, 3)
        entry = tenant.audit_entries.get()
        assert (entry.action, entry.actor) == ("tenant.limits_changed", staff)
        assert entry.detail == {"plan": [None, "Small"], "max_rules": [None, 3]}

    def test_a_plans_change_is_in_the_audit_log_of_those_on_it(self, staff):
        on_it, other = tenant_with(max_phones=1), TenantFactory()
        wish = PlanWish("Small", {Kind.PHONES: 2})
        changed = [update_plan(plan=on_it.plan, wish=wish, actor=staff) for _ in range(2)]
        assert changed == [True, False]
        assert on_it.audit_entries.get().detail == {"plan": "Small", "max_phones": [1, 2]}
        assert other.audit_entries.exists() is False

    def test_a_plan_that_somebody_is_on_stays(self):
        tenant = tenant_with()
        with pytest.raises(ProtectedError):
            delete_plan(plan=tenant.plan)
        delete_plan(plan=create_plan(wish=PlanWish("Large")))
        assert Plan.objects.get() == tenant.plan

    def test_a_name_is_taken_once(self):
        create_plan(wish=PlanWish("Small"))
        with pytest.raises(InvalidInput):
            create_plan(wish=PlanWish("Small"))

    def test_cached_keys_learn_of_it(self, staff, django_capture_on_commit_callbacks):
        tenant = TenantFactory()
        _, secret = create_api_key(tenant=tenant, new=KEY, actor=None)
        authenticate_key(secret=secret, address="")
        with django_capture_on_commit_callbacks(execute=True):
            change_plan(tenant=tenant, plan=None, limits={Kind.RULES: 3}, actor=staff)
        assert authenticate_key(secret=secret, address="").tenant.max_rules == 3


class TestWhatIsStopped:
    def test_keys(self):
        tenant = tenant_with(max_api_keys=2)
        api_key, _ = create_api_key(tenant=tenant, new=KEY, actor=None)
        create_api_key(tenant=tenant, new=KEY, actor=None)
        text = "The account's limit is reached: 2 API keys. Ask the operator of this gateway"
        told = refused(create_api_key, tenant=tenant, new=KEY, actor=None)
        assert told == f"{text} for more."
        revoke_api_key(api_key=api_key, actor=None)
        create_api_key(tenant=tenant, new=KEY, actor=None)
        ApiKey.objects.update(expires_at=timezone.now() - timedelta(1))
        create_api_key(tenant=tenant, new=KEY, actor=None)

    def test_members_and_invitations(self):
        owner = MembershipFactory(tenant=tenant_with(max_members=2))
        invitation, _ = invite(actor=owner, email="bob@example.com", role=Role.VIEWER)
        refused(invite, actor=owner, email="mei@example.com", role=Role.VIEWER)
        Invitation.objects.update(expires_at=timezone.now() - timedelta(1))
        invite(actor=owner, email="mei@example.com", role=Role.VIEWER)
        invitation.refresh_from_db()
        refused(resend, actor=owner, invitation=invitation)

    def test_phones(self):
        tenant = tenant_with(max_phones=1)
        _, digits = create_pairing_code(tenant=tenant, actor=None)
        there = DeviceFactory(tenant=tenant)
        refused(create_pairing_code, tenant=tenant, actor=None)
        phone = {"digits": digits, "phone": PhoneDescription("Two"), "address": "203.0.113.1"}
        refused(pair_device, **phone)
        revoke_device(device=there, actor=None)
        pair_device(**phone)
        assert Device.objects.of(tenant).count() == 2

    def test_phones_on_the_page_that_pairs_them(self, client):
        owner = MembershipFactory(tenant=tenant_with(max_phones=0))
        client.force_login(owner.user)
        answer = client.post(reverse("devices-pair"))
        assert answer.status_code == 422
        assert "limit is reached: 0 phones." in answer.content.decode()

    def test_rules(self):
        tenant = tenant_with(max_rules=1)
        wish = RuleWish(name="All", match_type="any", reply_enabled=True, reply_template="Hi")
        create_rule(tenant=tenant, wish=wish, actor=None)
        refused(create_rule, tenant=tenant, wish=wish, actor=None)

    def test_endpoints(self):
        tenant = tenant_with(max_endpoints=1)
        wish = {"tenant": tenant, "url": "https://hooks.example.com/", "actor": None}
        create_endpoint(**wish)
        refused(create_endpoint, **wish)

    def test_a_first_phone_comes_without_what_the_plan_has_not(self):
        tenant = tenant_with(max_api_keys=0, max_endpoints=0)
        _, digits = create_pairing_code(tenant=tenant, actor=None)
        paired = pair_device(digits=digits, phone=PhoneDescription("One"), address="203.0.113.1")
        assert (paired.once, Endpoint.objects.exists()) == ({}, False)


class TestSegments:
    def test_a_batch_gets_as_many_as_there_is_room_for(self):
        tenant = DeviceFactory(tenant=tenant_with(segments_per_day=4)).tenant
        long = draft(text="x" * 200)  # two segments
        results = queue_batch(tenant=tenant, drafts=[draft(), long, long, draft()], origin=API)
        codes = [r.code if isinstance(r, GatewayError) else r.status for r in results]
        assert codes == ["queued", "queued", "rate_limited", "queued"]
        assert (Message.objects.count(), segments_left(tenant)) == (3, 0)

    def test_the_refusal_says_when_to_come_again(self):
        tenant = DeviceFactory(tenant=tenant_with(segments_per_day=1)).tenant
        queue_message(tenant=tenant, draft=draft(), origin=API)
        with pytest.raises(SegmentsSpent) as refusal:
            queue_message(tenant=tenant, draft=draft(), origin=API)
        text = "The account's limit of 1 segments a day is reached."
        assert refusal.value.message == f"{text} Ask the operator of this gateway for more."
        assert 86_000 < int(refusal.value.headers["Retry-After"]) <= 86_400

    def test_answers_to_stop_go_out_all_the_same(self):
        tenant = DeviceFactory(tenant=tenant_with(segments_per_day=0)).tenant
        assert queue_message(tenant=tenant, draft=draft(), origin=KEYWORD).status == "queued"

    def test_bad_drafts_cost_nothing(self):
        tenant = DeviceFactory(tenant=tenant_with(segments_per_day=5)).tenant
        queue_batch(tenant=tenant, drafts=[draft(recipient="nonsense")], origin=API)
        assert segments_left(tenant) == 5

    def test_without_a_limit_queueing_asks_the_database_nothing_more(self):
        device, plain = DeviceFactory(), DeviceFactory()
        limited = device.tenant
        limited.segments_per_day = 100
        counts = []
        for tenant in (plain.tenant, limited):
            with CaptureQueriesContext(connection) as queries:
                queue_batch(tenant=tenant, drafts=[draft()], origin=API)
            counts.append(len(queries))
        assert counts[0] == counts[1]


class TestCredit:
    def test_the_balance_is_the_sum(self, staff):
        tenant = TenantFactory()
        for amount in ("20.00", "-7.25"):
            add_credit(tenant=tenant, amount=Decimal(amount), note="Paid", actor=staff)
        add_credit(tenant=TenantFactory(), amount=Decimal(5), note="Another's", actor=staff)
        assert balance_of(tenant) == Decimal("12.75")
        entry = tenant.credit_entries.first()
        assert (entry.actor, entry.actor_name) == (staff, "staff@example.com")
        details = tenant.audit_entries.order_by("pk").values_list("action", "detail")
        assert list(details) == [
            ("credit.added", {"amount": "20.00", "note": "Paid"}),
            ("credit.added", {"amount": "-7.25", "note": "Paid"}),
        ]

    @pytest.mark.parametrize(("amount", "note"), [("0", "x"), ("0.001", "x"), ("1", " ")])
    def test_entries_that_say_nothing_are_refused(self, amount, note):
        with pytest.raises(InvalidInput):
            add_credit(tenant=TenantFactory(), amount=Decimal(amount), note=note, actor=None)
