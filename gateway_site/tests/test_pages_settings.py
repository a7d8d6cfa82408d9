"""The account's settings."""

import pytest

from accounts.models import Membership
from accounts.tests.factories import MembershipFactory, TenantFactory
from messaging.models import KeywordSettings

pytestmark = pytest.mark.django_db

Role = Membership.Role
ACCOUNT = {
    "name": "Acme Books",
    "default_country": "DE",
    "time_zone": "Europe/Berlin",
    "hold_when_offline": "on",
    "retention_days": "90",
}
KEYWORDS = {
    "language": "de",
    "other_languages": ["en"],
    "stop_words": "Genug, Schluss",
    "start_words": "",
    "help_words": "",
    "stop_text": "Bye from {{tenantName}}",
    "start_text": "",
    "help_text": "",
}


@pytest.fixture
def tenant():
    return TenantFactory(name="Acme")


@pytest.fixture
def log_in(client, tenant):
    def as_member(role=Role.ADMIN):
        user = MembershipFactory(tenant=tenant, role=role).user
        client.force_login(user)
        return user

    return as_member


def test_account_is_changed_and_audited(client, log_in, tenant):
    user = log_in()
    answer = client.post("/settings", ACCOUNT)
    assert (answer.status_code, answer.url) == (302, "/settings")
    tenant.refresh_from_db()
    columns = ("name", "default_country", "time_zone", "hold_when_offline", "keep_inbound")
    columns += ("mail_alerts",)
    assert [getattr(tenant, column) for column in columns] == [
        *("Acme Books", "DE", "Europe/Berlin", True, False, False)
    ]
    assert tenant.retention_days == 90
    entry = tenant.audit_entries.get()
    assert (entry.action, entry.actor) == ("tenant.settings_changed", user)


def test_page_shows_what_is_set(client, log_in, tenant):
    log_in()
    client.post("/settings", ACCOUNT)
    client.post("/settings/keywords", KEYWORDS)
    context = client.get("/settings").context
    assert {name: context["account_form"][name].value() for name in ACCOUNT} == ACCOUNT | {
        "hold_when_offline": True,
        "retention_days": 90,
    }
    assert {name: context["keywords_form"][name].value() for name in KEYWORDS} == KEYWORDS


def test_empty_retention_keeps_messages_for_ever(client, log_in, tenant):
    log_in()
    for days in ("90", ""):
        client.post("/settings", ACCOUNT | {"retention_days": days})
    tenant.refresh_from_db()
    assert tenant.retention_days is None


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"default_country": "XX"}, "default_country"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"retention_days": "0"}, "retention_days"),
        ({"retention_days": "3651"}, "retention_days"),
    ],
)
def test_refused_account_keeps_what_was_typed(client, log_in, tenant, changed, field):
    log_in()
    answer = client.post("/settings", ACCOUNT | changed)
    form = answer.context["account_form"]
    assert (answer.status_code, list(form.errors)) == (422, [field])
    assert form[field].value() == changed[field]
    assert answer.content.count(b"has-error") == 1
    tenant.refresh_from_db()
    assert tenant.name == "Acme"


def test_keywords_are_changed(client, log_in, tenant):
    log_in()
    answer = client.post("/settings/keywords", KEYWORDS)
    assert (answer.status_code, answer.url) == (302, "/settings#keywords")
    row = KeywordSettings.objects.get(tenant=tenant)
    assert (row.languages, row.stop_words, row.stop_text) == (
        ["de", "en"],
        ["Genug", "Schluss"],
        "Bye from {{tenantName}}",
    )


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"language": "xx"}, "language"),
        ({"stop_words": "x" * 41}, "stop_words"),
        ({"stop_words": "start"}, "stop_words"),
        ({"help_text": "x" * 481}, "help_text"),
    ],
)
def test_refused_keywords_keep_what_was_typed(client, log_in, changed, field):
    log_in()
    answer = client.post("/settings/keywords", KEYWORDS | changed)
    form = answer.context["keywords_form"]
    assert (answer.status_code, list(form.errors)) == (422, [field])
    assert (form[field].value(), form["stop_text"].value()) == (
        changed[field],
        KEYWORDS["stop_text"],
    )
    assert KeywordSettings.objects.count() == 0


def test_preview_tells_the_cost_without_saving(client, log_in):
    log_in()
    wanted = KEYWORDS | {"stop_text": "x" * 161, "help_text": "ждём"}
    form = client.post("/settings/keywords/preview", wanted).context["form"]
    costs = {bound.name: cost.segments for bound, cost in form.replies}
    assert (costs["stop_text"], costs["help_text"]) == (2, 1)
    assert KeywordSettings.objects.count() == 0


@pytest.mark.parametrize(
    ("path", "data"),
    [("/settings", ACCOUNT), ("/settings/keywords", KEYWORDS)]
    + [("/settings/keywords/preview", KEYWORDS)],
)
def test_operators_change_nothing(client, log_in, tenant, path, data):
    log_in(Role.OPERATOR)
    assert client.post(path, data).status_code == 403
    assert tenant.audit_entries.count() == 0


def test_another_tenant_stays_as_it_is(client, log_in):
    other = TenantFactory(name="Other")
    log_in()
    client.post("/settings", ACCOUNT)
    other.refresh_from_db()
    assert other.name == "Other"
