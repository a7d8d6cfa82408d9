"""Staff's pages: what they show, what they change through the services, and who may."""

from datetime import timedelta
from decimal import Decimal

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import staff as staff_pages
from accounts.models import ApiKey, AuditEntry, CreditEntry, Plan, User
from accounts.services.api_keys import NewApiKey, create_api_key
from accounts.tests.factories import MembershipFactory, TenantFactory, UserFactory, bearer
from devices.tests.factories import DeviceFactory, SimFactory
from messaging.models import Message
from messaging.tests.factories import MessageFactory, in_bulk

pytestmark = pytest.mark.django_db

TENANTS = "/admin/accounts/tenant/"
MESSAGES = "/admin/messaging/message/"


@pytest.fixture
def boss(client):
    """A superuser, logged in."""
    user = User.objects.create_superuser("boss@example.com")
    client.force_login(user)
    return user


@pytest.fixture
def clerk(client):
    """A function that logs somebody in who is staff with some permissions only."""

    def log_in(*permissions: str) -> User:
        user = UserFactory(is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client.force_login(user)
        return user

    return log_in


def listed(client, where: str, **query) -> list:
    """The rows of a list."""
    return list(client.get(where, query).context["cl"].result_list)


def page_of(tenant) -> str:
    return f"{TENANTS}{tenant.pk}/change/"


def act(client, action: str, *tenants, **more):
    ids = [tenant.pk for tenant in tenants]
    return client.post(TENANTS, {"action": action, "_selected_action": ids, **more})


def test_every_list_and_form_opens(client, boss):
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 200, name


def test_logins_and_tokens_are_not_there(client, boss):
    hidden = ("mfa.authenticator", "socialaccount.socialtoken", "usersessions.usersession")
    assert [name for name in hidden if apps.get_model(name) in admin.site._registry] == []


def test_the_address_works_without_its_slash(client, boss):
    assert client.get("/admin").headers["Location"] == "/admin/"


def test_others_are_told_that_they_may_not(client):
    client.force_login(UserFactory(email="nina@example.com"))
    refused = client.get("/admin/", follow=True)
    assert refused.status_code == 403
    assert "logged in as nina@example.com" in refused.content.decode()


class TestTenants:
    def test_list_tells_of_use(self, client, boss):
        tenant = TenantFactory(plan=Plan.objects.create(name="Small"))
        heard = DeviceFactory(tenant=tenant, last_seen_at=timezone.now())
        DeviceFactory(tenant=tenant, last_seen_at=timezone.now() - timedelta(hours=1))
        DeviceFactory(tenant=tenant, status="revoked")
        in_bulk(3, device=heard)
        silent = TenantFactory()
        rows = {row.pk: row for row in listed(client, TENANTS)}
        row, other = rows[tenant.pk], rows[silent.pk]
        assert (row.phones_there, row.phones_heard, row.messages_lately) == (2, 1, 3)
        assert row.active_at == Message.objects.latest("public_id").created_at
        assert (other.phones_there, other.messages_lately, other.active_at) == (0, 0, None)

    def test_messages_are_counted_to_a_bound(self, client, boss, monkeypatch):
        monkeypatch.setattr("gateway_site.admin.MOST", 2)
        device = DeviceFactory()
        in_bulk(5, device=device)
        (row,) = listed(client, TENANTS)
        assert row.messages_lately == 3
        assert "2+" in client.get(TENANTS).content.decode()

    def test_list_takes_as_many_queries_for_one_as_for_thirty(self, client, boss):
        counts = []
        for more in (1, 29):
            for device in DeviceFactory.create_batch(more):
                MessageFactory(device=device)
            with CaptureQueriesContext(connection) as queries:
                client.get(TENANTS)
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_search_finds_by_name_member_number_and_ids(self, client, boss):
        sim = SimFactory(number="+6598765000")
        message = MessageFactory(device=sim.device, recipient="+6581230000")
        tenant = message.tenant
        MembershipFactory(tenant=tenant, user__email="alice@example.com")
        MessageFactory()  # another tenant's
        terms = (
            *(tenant.name, "alice@example.com", "+6581230000", "+65 8123 0000", "+6598765000"),
            *(tenant.external_id, message.external_id),
        )
        assert [listed(client, TENANTS, q=term) for term in terms] == [[tenant]] * len(terms)
        assert listed(client, TENANTS, q="msg_" + "0" * 22) == []

    def test_plan_and_limits_are_changed_by_the_service(self, client, boss):
        tenant, plan = TenantFactory(), Plan.objects.create(name="Small", max_phones=2)
        form = client.get(page_of(tenant)).context["adminform"].form
        assert sorted(form.fields) == [
            *("max_api_keys", "max_endpoints", "max_members", "max_phones", "max_rules"),
            *("plan", "segments_per_day"),
        ]
        inline = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
        changed = client.post(page_of(tenant), {"plan": plan.pk, "max_rules": 7, **inline})
        tenant.refresh_from_db()
        assert (changed.status_code, tenant.plan, tenant.max_rules) == (302, plan, 7)
        entry = tenant.audit_entries.get()
        assert (entry.action, entry.actor) == ("tenant.limits_changed", boss)
        assert "phones: 0 of 2" in client.get(page_of(tenant)).content.decode()


class TestSuspension:
    def test_first_asks_why(self, client, boss):
        tenant = TenantFactory()
        asked = act(client, "suspend", tenant)
        unanswered = act(client, "suspend", tenant, reason=" ")
        assert asked.context["form"].errors == {}
        assert unanswered.context["form"].errors == {"reason": ["This field is required."]}
        tenant.refresh_from_db()
        assert tenant.is_active is True

    def test_suspended_tenants_are_told_the_reason(self, client, boss):
        tenant = MembershipFactory(tenant__name="Alice's shop").tenant
        headers = bearer(tenant)
        done = act(client, "suspend", tenant, reason="The invoice of March is unpaid.")
        assert (done.status_code, done.headers["Location"]) == (302, page_of(tenant))
        tenant.refresh_from_db()
        assert tenant.suspended_reason == "The invoice of March is unpaid."
        entry = tenant.audit_entries.get(action="tenant.suspended")
        assert (entry.actor, entry.detail) == (boss, {"reason": tenant.suspended_reason})
        refused = client.get("/v1/messages", headers=headers)
        assert (refused.status_code, refused.json()["error"]) == (403, "tenant_inactive")
        client.force_login(tenant.members.get())
        banner = client.get("/").content.decode()
        assert "suspended: The invoice of March is unpaid.</strong>" in banner

    def test_several_at_once_and_back(self, client, boss):
        tenants = [TenantFactory() for _ in range(3)]
        act(client, "suspend", *tenants[:2], reason="Unpaid")
        assert [row.is_active for row in listed(client, TENANTS)] == [False, False, True]
        act(client, "activate", *tenants)
        assert [row.is_active for row in listed(client, TENANTS)] == [True] * 3
        assert AuditEntry.objects.filter(action="tenant.activated").count() == 2

    def test_staff_that_may_only_look_may_not(self, client, clerk):
        clerk("view_tenant")
        tenant = TenantFactory()
        act(client, "suspend", tenant, reason="Unpaid")
        tenant.refresh_from_db()
        assert tenant.is_active is True
        assert client.post(page_of(tenant), {}).status_code == 403


class TestMessages:
    def test_list_and_page_do_not_say_what_was_said(self, client, boss):
        message = MessageFactory(text="Words of theirs", metadata={"order": "secret 7"})
        pages = [client.get(MESSAGES), client.get(f"{MESSAGES}{message.pk}/change/")]
        told = [page.content.decode() for page in pages]
        assert [page.status_code for page in pages] == [200, 200]
        assert [text for text in told if "Words of theirs" in text or "secret 7" in text] == []

    def test_reading_one_is_in_the_tenants_audit_log(self, client, boss):
        message = MessageFactory(text="Words of theirs")
        where = f"{MESSAGES}{message.pk}/text/"
        assert client.get(where).status_code == 405
        assert message.tenant.audit_entries.exists() is False
        shown = client.post(where)
        assert ">Words of theirs</blockquote>" in shown.content.decode()
        entry = message.tenant.audit_entries.get()
        assert (entry.action, entry.actor) == ("message.text_viewed", boss)
        assert entry.target == message.external_id

    @pytest.mark.parametrize(
        ("permissions", "status"),
        [
            (["view_message"], 403),
            (["view_message_text"], 403),
            (["view_message", "view_message_text"], 200),
        ],
    )
    def test_reading_needs_a_permission_of_its_own(self, client, clerk, permissions, status):
        clerk(*permissions)
        message = MessageFactory()
        assert client.post(f"{MESSAGES}{message.pk}/text/").status_code == status
        assert AuditEntry.objects.count() == (status == 200)

    def test_search_is_by_id_or_whole_number_of_any_tenant(self, client, boss):
        message = MessageFactory(recipient="+6581230000")
        inbound = MessageFactory(inbound=True, sender="+6581230000")
        MessageFactory()
        found = [listed(client, MESSAGES, q=term) for term in (message.external_id, "+6581230000")]
        assert found == [[message], [inbound, message]]
        assert listed(client, MESSAGES, q="+658123") == []

    def test_nothing_is_counted_beyond_a_bound(self, client, boss, monkeypatch):
        monkeypatch.setattr(staff_pages, "MOST", 3)
        in_bulk(5, device=DeviceFactory())
        with CaptureQueriesContext(connection) as queries:
            page = client.get(MESSAGES)
        counts = [query["sql"] for query in queries if "COUNT(*)" in query["sql"]]
        assert [sql for sql in counts if "LIMIT 4" not in sql] == []
        assert "The latest 3 messages" in page.content.decode()

    def test_list_takes_as_many_queries_for_one_as_for_thirty(self, client, boss):
        counts = []
        for more in (1, 29):
            MessageFactory.create_batch(more)
            with CaptureQueriesContext(connection) as queries:
                client.get(MESSAGES)
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_filters_are_for_one_tenant(self, client, boss):
        message = MessageFactory(status="failed")
        MessageFactory(tenant=message.tenant)
        query = {"tenant__id__exact": message.tenant_id, "status__exact": "failed"}
        assert listed(client, MESSAGES, **query) == [message]
        assert client.get(MESSAGES).context["cl"].has_filters is False


class TestPeople:
    def test_superusers_give_rights_and_close_logins(self, client, boss):
        tenant = MembershipFactory(user__email="nina@example.com").tenant
        nina = tenant.members.get()
        inline = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
        where = f"/admin/accounts/user/{nina.pk}/change/"
        assert client.post(where, {"is_staff": "on", **inline}).status_code == 302
        nina.refresh_from_db()
        assert (nina.is_active, nina.is_staff, nina.is_superuser) == (False, True, False)
        assert tenant.audit_entries.get().action == "member.login_closed"
        assert "password" not in client.get(where).context["adminform"].form.fields

    @pytest.mark.parametrize("permissions", [["view_user"], ["view_user", "change_user"]])
    def test_other_staff_give_none(self, client, clerk, permissions):
        user = clerk(*permissions)
        for person in (user, UserFactory()):
            where = f"/admin/accounts/user/{person.pk}/change/"
            assert client.get(where).status_code == 200
            assert client.post(where, {"is_superuser": "on"}).status_code == 403
        assert User.objects.filter(is_superuser=True).exists() is False

    def test_groups_offer_what_these_pages_ask_for(self, client, boss):
        form = client.get("/admin/auth/group/add/").context["adminform"].form
        names = set(form.fields["permissions"].queryset.values_list("codename", flat=True))
        assert {"view_message_text", "change_tenant", "view_auditentry"} <= names
        assert names & {"change_user", "change_group", "delete_message", "add_tenant"} == set()

    def test_second_factor_is_removed_by_superusers(self, client, boss):
        nina = UserFactory()
        Authenticator.objects.create(user=nina, type=Authenticator.Type.TOTP, data={})
        where, action = "/admin/accounts/user/", {"action": "remove_second_factor"}
        client.post(where, {**action, "_selected_action": [nina.pk, boss.pk]})
        assert Authenticator.objects.exists() is False

    def test_nobody_changes_their_own(self, client, boss):
        assert client.post(f"/admin/accounts/user/{boss.pk}/change/", {}).status_code == 403

    def test_passwords_are_changed_where_everybody_changes_them(self, client, boss):
        answer = client.get("/admin/password_change/")
        assert answer.headers["Location"] == reverse("account_change_password")


class TestMoneyAndKeys:
    def test_credit_is_added_and_never_changed(self, client, boss):
        tenant = TenantFactory()
        where = "/admin/accounts/creditentry/"
        wrong = client.post(f"{where}add/", {"tenant": tenant.pk, "amount": "0", "note": "x"})
        assert wrong.context["adminform"].form.errors == {
            "amount": ["Give an amount that is not zero."]
        }
        client.post(f"{where}add/", {"tenant": tenant.pk, "amount": "-7.25", "note": "Refund"})
        entry = CreditEntry.objects.get()
        assert (entry.tenant, entry.amount, entry.actor) == (tenant, Decimal("-7.25"), boss)
        assert tenant.audit_entries.get().action == "credit.added"
        pages = [f"{where}{entry.pk}/change/", f"{where}{entry.pk}/delete/"]
        assert [client.post(page, {"amount": 9}).status_code for page in pages] == [403, 403]
        assert "-7.25" in client.get(page_of(tenant)).content.decode()

    def test_plans_are_made_changed_and_deleted(self, client, boss):
        where = "/admin/accounts/plan/"
        client.post(f"{where}add/", {"name": "Small", "max_phones": "3"})
        plan = Plan.objects.get()
        assert (plan.name, plan.max_phones, plan.max_rules) == ("Small", 3, None)
        tenant = TenantFactory(plan=plan)
        client.post(f"{where}{plan.pk}/change/", {"name": "Small", "max_rules": "9"})
        plan.refresh_from_db()
        assert (plan.max_phones, plan.max_rules) == (None, 9)
        assert tenant.audit_entries.get().action == "plan.changed"
        again = client.post(f"{where}add/", {"name": "Small"})
        assert list(again.context["adminform"].form.errors) == ["name"]
        client.post(f"{where}{plan.pk}/delete/", {"post": "yes"})
        assert Plan.objects.exists() is True  # a tenant is on it
        tenant.delete()
        client.post(f"{where}{plan.pk}/delete/", {"post": "yes"})
        assert Plan.objects.exists() is False

    def test_keys_are_revoked_and_their_secrets_not_shown(self, client, boss):
        api_key, secret = create_api_key(tenant=TenantFactory(), new=NewApiKey("Shop"), actor=None)
        where = "/admin/accounts/apikey/"
        shown = client.get(f"{where}{api_key.pk}/change/").content.decode()
        assert [s for s in (secret, api_key.secret_hash) if s in shown] == []
        assert api_key.prefix in shown
        client.post(where, {"action": "revoke", "_selected_action": [api_key.pk]})
        assert ApiKey.objects.get().is_live is False

    def test_the_audit_log_is_only_read(self, client, boss):
        entry = AuditEntry.objects.create(
            tenant=TenantFactory(), actor_name="x", action="rule.created", target="rul_1"
        )
        where = "/admin/accounts/auditentry/"
        pages = [f"{where}add/", f"{where}{entry.pk}/change/", f"{where}{entry.pk}/delete/"]
        assert [client.post(page, {}).status_code for page in pages] == [403] * 3
        assert listed(client, where, q="rul_1") == [entry]
        assert listed(client, where, tenant__id__exact=TenantFactory().pk) == []
