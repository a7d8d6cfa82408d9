"""API keys, code to start from, and the log of requests."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiKey, Membership
from accounts.services.api_keys import NewApiKey, authenticate_key, create_api_key
from accounts.tests.factories import MembershipFactory, TenantFactory
from gateway_site.pages.developers import PAGE, PLACEHOLDER
from gateway_site.request_log import LoggedRequest, _writer, note_request, requests_of

pytestmark = pytest.mark.django_db

Role = Membership.Role
WANTED = {
    "name": "Shop",
    "kind": ApiKey.LIVE,
    "scopes": ["messages:send", "messages:read"],
    "expires_on": "",
    "allowed_networks": "",
}


@pytest.fixture
def tenant():
    return TenantFactory(time_zone="Europe/Berlin")


@pytest.fixture
def log_in(client, tenant):
    def as_member(role=Role.ADMIN):
        client.force_login(MembershipFactory(tenant=tenant, role=role).user)

    return as_member


def make_key(tenant, name="Shop", **wanted) -> ApiKey:
    return create_api_key(tenant=tenant, new=NewApiKey(name, **wanted), actor=None)[0]


def revoke_path(key):
    return f"/developers/keys/{key.external_id}/revoke"


def test_secret_is_shown_once_and_works(client, log_in, tenant):
    log_in()
    answer = client.post("/developers/keys", WANTED)
    secret = answer.context["secret"]
    assert authenticate_key(secret=secret, address="127.0.0.1").tenant == tenant
    assert answer["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    assert answer.content.count(f"Bearer {secret}".encode()) == 4  # in each language
    later = client.get("/developers")
    assert later.content.count(secret.encode()) == 0
    assert later.content.count(f"Bearer {PLACEHOLDER}".encode()) == 4


def test_key_is_as_it_was_wished(client, log_in, tenant, time_machine):
    time_machine.move_to(datetime(2026, 6, 12, 12, tzinfo=UTC), tick=False)
    log_in()
    wanted = {"expires_on": "2026-06-30", "allowed_networks": "203.0.113.0/24\n198.51.100.7"}
    client.post("/developers/keys", WANTED | wanted)
    key = tenant.api_keys.get()
    assert (key.name, key.scopes, key.allowed_networks) == (
        "Shop",
        ["messages:send", "messages:read"],
        ["203.0.113.0/24", "198.51.100.7/32"],
    )
    end = timezone.localtime(key.expires_at, timezone.zoneinfo.ZoneInfo("Europe/Berlin"))
    assert (end.date(), end.hour) == (date(2026, 6, 30), 23)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"kind": "sk_other_"}, "kind"),
        ({"expires_on": "2001-01-01"}, "expires_on"),
        ({"allowed_networks": "203.0.113.0/24 somewhere"}, "allowed_networks"),
    ],
)
def test_refused_key_keeps_what_was_typed(client, log_in, tenant, changed, field):
    log_in()
    answer = client.post("/developers/keys", WANTED | changed)
    form = answer.context["form"]
    assert (answer.status_code, list(form.errors)) == (422, [field])
    assert form["name"].value() == (WANTED | changed)["name"]
    assert tenant.api_keys.count() == 0


def test_key_is_revoked_when_its_name_is_typed(client, log_in, tenant):
    log_in()
    key = make_key(tenant)
    refused = client.post(revoke_path(key), {"typed": "shop"})
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["typed"])
    answer = client.post(revoke_path(key), {"typed": "Shop"})
    assert (answer.status_code, answer.url) == (302, "/developers")
    key.refresh_from_db()
    page = client.get("/developers").context
    assert (key.is_live, page["keys"], page["ended"]) == (False, [], [key])


def test_dialog_is_led_to_a_fresh_page(client, log_in, tenant):
    log_in()
    key, headers = make_key(tenant), {"HX-Request": "true"}
    assert client.get(revoke_path(key), headers=headers).content.count(b"<html") == 0
    answer = client.post(revoke_path(key), {"typed": "Shop"}, headers=headers)
    assert (answer.status_code, answer["HX-Redirect"]) == (200, "/developers")


@pytest.mark.parametrize("path", ["/developers", "/developers/requests", "/audit", "/settings"])
def test_pages_are_for_admins(client, log_in, path):
    log_in(Role.OPERATOR)
    assert client.get(path).status_code == 403
    log_in(Role.ADMIN)
    assert client.get(path).status_code == 200


def test_operators_neither_make_nor_revoke_keys(client, log_in, tenant):
    log_in(Role.OPERATOR)
    key = make_key(tenant)
    assert client.post("/developers/keys", WANTED).status_code == 403
    assert client.post(revoke_path(key), {"typed": "Shop"}).status_code == 403
    assert [row.is_live for row in tenant.api_keys.all()] == [True]


def test_another_tenants_key_does_not_exist(client, log_in):
    log_in()
    key = make_key(TenantFactory())
    assert client.get(revoke_path(key)).status_code == 404
    assert client.post(revoke_path(key), {"typed": "Shop"}).status_code == 404
    assert client.get("/developers").context["keys"] == []


def test_keys_take_as_many_queries_for_one_as_for_thirty(client, log_in, tenant):
    log_in()
    make_key(tenant)
    client.get("/developers")
    with CaptureQueriesContext(connection) as one:
        client.get("/developers")
    for number in range(29):
        make_key(tenant, f"Key {number}")
    with CaptureQueriesContext(connection) as thirty:
        answer = client.get("/developers")
    assert (len(thirty), len(answer.context["keys"])) == (len(one), 30)


@pytest.mark.parametrize(("asked", "shown"), [("php", "php"), ("cobol", "curl"), ("", "curl")])
def test_snippets_are_in_the_language_asked_for(client, log_in, asked, shown):
    log_in()
    assert client.get("/developers", {"lang": asked}).context["language"] == shown


@pytest.fixture
def note(tenant):
    """A function that puts a request into the log and waits for it to be there."""

    def write(status=200, ended=None, **columns):
        ended = ended or timezone.now().timestamp()
        row = LoggedRequest(ended, "GET", "/v1/messages", status, 1.5, "abc", "sk_live_abcd")
        note_request(columns.get("tenant", tenant).pk, row)
        _writer.flush()

    return write


def shown(client, **query) -> list[int]:
    return [row.status for row in client.get("/developers/requests", query).context["rows"]]


def test_requests_are_shown_newest_first_and_by_answer(client, log_in, note):
    log_in()
    for status in (200, 404, 503, 201):
        note(status)
    note(418, tenant=TenantFactory())
    assert shown(client) == [201, 503, 404, 200]
    assert shown(client, status="4") == [404]
    assert shown(client, status="x") == [201, 503, 404, 200]


def test_requests_of_yesterday_are_gone(client, log_in, note, tenant):
    log_in()
    note(ended=(timezone.now() - timedelta(hours=25)).timestamp())
    assert (shown(client), requests_of(tenant)) == ([], [])


def test_more_requests_are_loaded_behind_the_last_one(client, log_in, note):
    log_in()
    now = timezone.now().timestamp()
    for number in range(PAGE + 2):
        note(200 + number, ended=now - PAGE + number)
    first = client.get("/developers/requests").context
    following = client.get(
        "/developers/requests", {"before": first["before"]}, headers={"HX-Request": "true"}
    )
    assert len(first["rows"]) == PAGE
    assert [row.status for row in following.context["rows"]] == [201, 200]
    assert (following.context["before"], following.content.count(b"<html")) == ("", 0)


def test_request_with_a_key_is_in_the_log(client, log_in, tenant):
    log_in()
    _, secret = create_api_key(tenant=tenant, new=NewApiKey("Shop"), actor=None)
    client.get("/v1/messages?q=private", headers={"Authorization": f"Bearer {secret}"})
    _writer.flush()
    (row,) = client.get("/developers/requests").context["rows"]
    assert (row.method, row.path, row.status, row.key_prefix) == (
        "GET",
        "/v1/messages",
        200,
        secret[:12],
    )
