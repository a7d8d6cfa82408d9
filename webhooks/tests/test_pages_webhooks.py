"""The pages about webhooks."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry, Membership
from accounts.secrets import decrypt
from accounts.tests.factories import MembershipFactory, TenantFactory
from webhooks.models import Delivery, Endpoint
from webhooks.pages.cards import BAR_WIDTH, Day
from webhooks.pages.forms import EVENT_MEANINGS, origin_of
from webhooks.pages.recipes import RECIPES
from webhooks.services.endpoints import EVENTS
from webhooks.tests.factories import (
    DeliveryAttemptFactory,
    DeliveryFactory,
    EndpointFactory,
    EventFactory,
    HostFactory,
)

pytestmark = pytest.mark.django_db

Role = Membership.Role
DOCS = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
HTMX = {"HX-Request": "true"}
HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def tenant():
    return TenantFactory()


@pytest.fixture
def first(tenant):
    """The endpoint that came with the first phone."""
    return EndpointFactory(tenant=tenant, url="")


@pytest.fixture
def endpoint(tenant, first):
    return EndpointFactory(tenant=tenant, url="https://shop.example.com/hook?key=s3cret")


@pytest.fixture
def log_in(client, tenant):
    """A function that logs a member of the tenant in, with a role."""

    def as_member(role=Role.ADMIN):
        user = MembershipFactory(tenant=tenant, role=role).user
        client.force_login(user)
        return user

    return as_member


def page(endpoint, verb=""):
    return f"/webhooks/{endpoint.external_id}{verb}"


def of(delivery, verb=""):
    return f"/webhooks/deliveries/{delivery.external_id}{verb}"


def queries(client, path):
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    assert answer.status_code == 200
    return len(captured)


def test_every_event_has_a_meaning_for_people():
    assert tuple(EVENT_MEANINGS) == EVENTS


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.slug)
def test_recipe_is_that_of_the_docs(recipe):
    section = DOCS.partition(f"### {recipe.title}\n")[2].partition("\n### ")[0]
    assert re.findall(r"```\w+\n(.*?)```", section, re.DOTALL) == [recipe.plain, recipe.library]


def test_every_recipe_of_the_docs_is_offered():
    section = DOCS.partition("## Verifying the signature")[2].partition("\n## ")[0]
    assert re.findall(r"\n### (.+)", section) == [recipe.title for recipe in RECIPES]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example:8443/hook?key=1", "https://a.example:8443/…"),
        ("https://a.example?key=1", "https://a.example/…"),
        ("https://a.example", "https://a.example"),
        ("", ""),
    ],
)
def test_origin_tells_no_path(url, shown):
    assert origin_of(url) == shown


def test_bar_is_filled_and_a_single_failure_is_seen():
    parts = Day(succeeded=9999, failed=1).parts()
    assert [part.kind for part in parts] == ["good", "bad"]
    assert parts[1].width >= 3
    assert round(parts[1].x + parts[1].width) == BAR_WIDTH


# --- The list ---------------------------------------------------------------------------------


@pytest.mark.parametrize("has_first", [True, False])
def test_without_a_url_there_is_the_form(client, log_in, tenant, has_first):
    if has_first:
        EndpointFactory(tenant=tenant, url="")
    log_in()
    answer = client.get("/webhooks")
    assert (answer.context["is_new"], answer.content.count(b'name="events"')) == (True, len(EVENTS))


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({"url": ""}, "vacant"),
        ({}, "healthy"),
        ({"last_success_at": None}, "untried"),
        ({"failing_since": timezone.now()}, "failing"),
        ({"failing_since": timezone.now(), "breaker_until": timezone.now()}, "waiting"),
        ({"state": "paused"}, "paused"),
        ({"state": "disabled", "disabled_reason": "Gone."}, "disabled"),
    ],
)
def test_card_tells_how_an_endpoint_does(client, log_in, endpoint, columns, state):
    Endpoint.objects.filter(pk=endpoint.pk).update(**columns)
    EndpointFactory(tenant=endpoint.tenant)
    log_in()
    _, card, _ = client.get("/webhooks").context["cards"]
    assert card.state == state


def test_card_counts_the_deliveries_of_a_day(client, log_in, endpoint):
    DeliveryFactory.create_batch(2, endpoint=endpoint, succeeded=True)
    DeliveryFactory(endpoint=endpoint, failed=True)
    DeliveryFactory(endpoint=endpoint)
    DeliveryFactory(endpoint=endpoint, held=True)
    log_in()
    _, card = client.get("/webhooks").context["cards"]
    assert card.day == Day(succeeded=2, failed=1, waiting=2)


def test_list_takes_as_many_queries_for_one_endpoint_as_for_thirty(client, log_in, endpoint):
    log_in()
    one = queries(client, "/webhooks")
    for other in EndpointFactory.create_batch(29, tenant=endpoint.tenant):
        DeliveryFactory(endpoint=other)
    assert queries(client, "/webhooks") == one


@pytest.mark.parametrize(
    "path", ["/webhooks/deliveries", "/webhooks/deliveries/fresh", "detail", "detail/fresh"]
)
def test_log_takes_as_many_queries_for_one_delivery_as_for_thirty(client, log_in, endpoint, path):
    path = path.replace("detail", page(endpoint))
    log_in()
    DeliveryFactory(endpoint=endpoint)
    one = queries(client, path)
    DeliveryFactory.create_batch(29, endpoint=endpoint)
    assert queries(client, path) == one


@pytest.mark.parametrize(("lang", "title"), [("", "Python"), ("go", "Go"), ("cobol", "Python")])
def test_recipe_is_chosen_by_the_query(client, log_in, lang, title):
    log_in(Role.VIEWER)
    assert client.get(f"/webhooks?lang={lang}").context["recipe"].title == title


# --- Adding and changing ----------------------------------------------------------------------

NEW = {"url": "https://crm.example.com/sms", "name": "CRM", "events": ["message.failed"]}


def test_secret_of_a_new_endpoint_is_shown_once(client, log_in, endpoint):
    Endpoint.objects.exclude(pk=endpoint.pk).delete()
    user = log_in()
    answer = client.post("/webhooks/new", NEW)
    made = Endpoint.objects.get(name="CRM")
    assert (answer.status_code, answer["Location"]) == (302, page(made))
    assert [decrypt(made.secret), ""] == [
        client.get(page(made)).context["secret"] for _ in range(2)
    ]
    assert AuditEntry.objects.get(target=made.external_id).actor == user


def test_secret_waits_for_its_page_in_no_readable_form(client, log_in, endpoint):
    log_in()
    client.post(page(endpoint, "/rotate"))
    endpoint.refresh_from_db()
    assert decrypt(endpoint.secret) not in str(dict(client.session))


def test_new_url_goes_to_the_endpoint_that_has_none(client, log_in, first):
    log_in()
    answer = client.post("/webhooks/new", NEW)
    first.refresh_from_db()
    assert (answer["Location"], first.url) == (page(first), NEW["url"])
    assert Endpoint.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "https://10.0.0.1/hook"}, "url"),
        ({"url": ""}, "url"),
        ({"events": []}, "events"),
        ({"events": ["webhook.test"]}, "events"),
    ],
)
@pytest.mark.parametrize("verb", ["new", "edit"])
def test_what_is_refused_is_marked_and_kept(client, log_in, endpoint, verb, changes, field):
    log_in()
    path = "/webhooks/new" if verb == "new" else page(endpoint, "/edit")
    answer = client.post(path, NEW | changes)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert answer.context["form"]["name"].value() == "CRM"


def test_endpoint_is_changed(client, log_in, endpoint):
    log_in()
    client.post(page(endpoint, "/edit"), NEW)
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.name, endpoint.events) == tuple(NEW.values())


def test_dialog_that_succeeds_leads_to_the_page(client, log_in, endpoint):
    log_in()
    answer = client.post(page(endpoint, "/edit"), NEW, headers=HTMX)
    assert answer["HX-Redirect"] == page(endpoint)


def test_pause_resume_and_disable(client, log_in, endpoint):
    log_in()
    states = []
    for verb in ("/pause", "/resume", "/disable"):
        client.post(page(endpoint, verb))
        endpoint.refresh_from_db()
        states.append(endpoint.state)
    assert states == ["paused", "enabled", "disabled"]


@pytest.mark.parametrize(("replay", "status"), [({}, "held"), ({"replay": "on"}, "pending")])
def test_enabling_sends_what_was_missed_only_if_wanted(client, log_in, endpoint, replay, status):
    Endpoint.objects.filter(pk=endpoint.pk).update(state="disabled", disabled_at=timezone.now())
    missed = DeliveryFactory(endpoint=endpoint, held=True)
    log_in()
    since = (timezone.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    client.post(page(endpoint, "/enable"), {"since": since, **replay})
    endpoint.refresh_from_db()
    missed.refresh_from_db()
    assert (endpoint.state, missed.status) == ("enabled", status)


def test_enabling_is_offered_from_when_it_was_disabled(client, log_in, endpoint):
    began = timezone.now() - timedelta(days=2)
    Endpoint.objects.filter(pk=endpoint.pk).update(state="disabled", disabled_at=began)
    log_in()
    shown = client.get(page(endpoint, "/enable")).context["form"]["since"].value()
    # In the tenant's zone, which is UTC here, as the field of a browser wants it.
    assert shown == began.replace(second=0, microsecond=0, tzinfo=None)


@pytest.mark.parametrize("verb", ["/enable", "/replay"])
@pytest.mark.parametrize("since", ["", "2020-01-01T00:00", "soon"])
def test_time_that_cannot_be_replayed_from_changes_nothing(client, log_in, endpoint, verb, since):
    Endpoint.objects.filter(pk=endpoint.pk).update(state="disabled")
    log_in()
    answer = client.post(page(endpoint, verb), {"replay": "on", "since": since})
    endpoint.refresh_from_db()
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["since"])
    assert endpoint.state == "disabled"


def test_endpoint_is_deleted_once_its_host_is_typed(client, log_in, endpoint):
    log_in()
    wrong = client.post(page(endpoint, "/delete"), {"typed": "shop"})
    right = client.post(page(endpoint, "/delete"), {"typed": "shop.example.com"})
    assert (wrong.status_code, right["Location"]) == (422, "/webhooks")
    assert client.get(page(endpoint)).status_code == 404


def test_first_endpoint_is_not_deleted(client, log_in, first):
    Endpoint.objects.update(url="https://first.example.com/")
    log_in()
    answer = client.post(page(first, "/delete"), {"typed": "first.example.com"})
    assert (answer.status_code, Endpoint.objects.get().deleted_at) == (422, None)


# --- Tests and replays ------------------------------------------------------------------------


def test_test_event_shows_its_answer(client, log_in, endpoint):
    log_in(Role.OPERATOR)
    answer = client.post(page(endpoint, "/test"), headers=HTMX)
    sent = Delivery.objects.get()
    assert answer["Location"] == of(sent, "/test")
    assert client.get(answer["Location"]).content.count(b"every 1s") == 1
    DeliveryAttemptFactory(delivery=sent, status=503, response_body=HOSTILE, duration_ms=34)
    Delivery.objects.update(status="failed")
    shown = client.get(answer["Location"]).content.decode()
    assert [shown.count(text) for text in ("every 1s", "503", "34 ms", HOSTILE)] == [0, 1, 1, 0]


def test_test_of_a_paused_endpoint_says_why_not(client, log_in, endpoint):
    Endpoint.objects.update(state="paused")
    log_in()
    answer = client.post(page(endpoint, "/test"), headers=HTMX)
    assert (answer.status_code, Delivery.objects.count()) == (422, 0)


def test_delivery_is_replayed(client, log_in, endpoint):
    delivery = DeliveryFactory(endpoint=endpoint, failed=True)
    log_in(Role.OPERATOR)
    assert client.post(of(delivery, "/replay"))["Location"] == of(delivery)
    delivery.refresh_from_db()
    assert delivery.status == "pending"


def test_everything_that_failed_since_is_replayed(client, log_in, endpoint):
    DeliveryFactory.create_batch(2, endpoint=endpoint, failed=True)
    log_in(Role.OPERATOR)
    since = (timezone.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    client.post(page(endpoint, "/replay"), {"since": since})
    assert Delivery.objects.filter(status="pending").count() == 2


# --- The log ----------------------------------------------------------------------------------


def rows(answer):
    return [row.delivery for row in answer.context["rows"]]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["sent", "failed", "received"]),
        ("?status=failed", ["failed"]),
        ("?event=message.sent", ["sent"]),
        ("?status=failed&event=message.sent", []),
        ("?status=whatever", ["sent", "failed", "received"]),
    ],
)
def test_log_is_filtered_by_the_query(client, log_in, endpoint, query, shown):
    made = {
        "received": DeliveryFactory(endpoint=endpoint, succeeded=True),
        "failed": DeliveryFactory(endpoint=endpoint, failed=True),
        "sent": DeliveryFactory(
            endpoint=endpoint, event=EventFactory(tenant=endpoint.tenant, name="message.sent")
        ),
    }
    log_in(Role.VIEWER)
    assert rows(client.get(page(endpoint, query))) == [made[name] for name in shown]


def test_more_rows_come_alone(client, log_in, endpoint):
    oldest, *_ = DeliveryFactory.create_batch(51, endpoint=endpoint)
    log_in()
    cursor = client.get(page(endpoint)).context["next_cursor"]
    more = client.get(page(endpoint), {"cursor": cursor}, headers=HTMX)
    assert (rows(more), more.content.count(b"<html")) == ([oldest], 0)
    assert client.get(page(endpoint), {"cursor": "mine"}).status_code == 404


def test_open_page_hears_of_new_rows_and_changed_ones(client, log_in, endpoint):
    seen = DeliveryFactory(endpoint=endpoint, succeeded=True)
    new = DeliveryFactory(endpoint=endpoint)
    log_in()
    query = {"after": seen.external_id, "open": [seen.external_id, "dlv_nonsense"]}
    answer = client.get(page(endpoint, "/fresh"), query)
    changed = [row.delivery for row in answer.context["changed"]]
    assert (rows(answer), changed, answer.context["newest"]) == ([new], [seen], new.external_id)


@pytest.mark.parametrize(("status", "polls"), [("pending", True), ("succeeded", False)])
def test_open_page_asks_only_while_something_waits(client, log_in, endpoint, status, polls):
    DeliveryFactory(endpoint=endpoint, status=status)
    log_in()
    assert (b"every 5s" in client.get(page(endpoint)).content) == polls


@pytest.mark.parametrize(
    ("status", "shown"),
    [("pending", ["next: in a moment"]), ("held", ["next: by replay"]), ("succeeded", [])],
)
def test_row_says_what_comes_next(client, log_in, endpoint, status, shown):
    DeliveryFactory(endpoint=endpoint, status=status, next_attempt_at=None)
    log_in()
    content = client.get(page(endpoint)).content.decode()
    assert re.findall(r'class="quiet next">([^<]*?)\s*<', content) == shown


def test_whole_log_has_what_goes_elsewhere_too(client, log_in, endpoint):
    host = HostFactory(tenant=endpoint.tenant)
    elsewhere = DeliveryFactory(endpoint=host, url="https://elsewhere.example.com/path")
    log_in()
    assert rows(client.get("/webhooks/deliveries")) == [elsewhere]
    assert client.get(of(elsewhere)).status_code == 200
    assert client.get(page(host)).status_code == 404


def test_delivery_shows_hostile_text_as_text(client, log_in, endpoint):
    event = EventFactory(tenant=endpoint.tenant, body=f'{{"text": "{HOSTILE[:8]}"}}')
    delivery = DeliveryFactory(endpoint=endpoint, event=event, failed=True)
    DeliveryAttemptFactory(
        delivery=delivery,
        request_headers={"webhook-id": "evt_1"},
        response_headers={"items": HOSTILE, HOSTILE: "x"},
        response_body=HOSTILE,
        error=HOSTILE,
    )
    log_in(Role.VIEWER)
    answer = client.get(of(delivery))
    assert (answer.status_code, answer.content.count(b"<script>")) == (200, 0)
    assert answer.context["pretty"] == '{\n  "text": "<script>"\n}'


def test_body_that_is_not_json_is_shown_as_it_is(client, log_in, endpoint):
    event = EventFactory(tenant=endpoint.tenant, body="MessageSid=1&Body=x")
    log_in()
    answer = client.get(of(DeliveryFactory(endpoint=endpoint, event=event)))
    assert (answer.context["pretty"], answer.status_code) == ("", 200)


# --- Roles and tenants ------------------------------------------------------------------------

BY_ADMINS = ["/edit", "/pause", "/resume", "/enable", "/disable", "/rotate", "/delete"]
BY_OPERATORS = ["/test", "/replay"]


@pytest.mark.parametrize(
    ("role", "verbs"),
    [(Role.VIEWER, BY_ADMINS + BY_OPERATORS), (Role.OPERATOR, BY_ADMINS)],
)
def test_role_may_not(client, log_in, endpoint, role, verbs):
    log_in(role)
    paths = ["/webhooks/new", *(page(endpoint, verb) for verb in verbs)]
    assert {client.post(path).status_code for path in paths} == {403}
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.deleted_at) == ("enabled", None)


def test_viewer_sees_neither_paths_of_receivers_nor_buttons(client, log_in, endpoint):
    delivery = DeliveryFactory(endpoint=endpoint, failed=True)
    log_in(Role.VIEWER)
    for path in ("/webhooks", page(endpoint), "/webhooks/deliveries", of(delivery)):
        shown = client.get(path).content.decode()
        found = [shown.count(text) for text in ("s3cret", endpoint.secret_prefix, 'method="post"')]
        # The frame has one form of its own: to log out.
        assert found == [0, 0, 1]


@pytest.mark.parametrize("verb", ["", "/fresh", *BY_ADMINS, *BY_OPERATORS])
def test_another_tenants_endpoint_does_not_exist(client, log_in, verb):
    log_in()
    foreign = page(EndpointFactory(), verb)
    call = client.get if verb in ("", "/fresh") else client.post
    assert call(foreign).status_code == 404


@pytest.mark.parametrize("verb", ["", "/tries", "/test", "/replay"])
def test_another_tenants_delivery_does_not_exist(client, log_in, endpoint, verb):
    log_in()
    foreign = DeliveryFactory()
    call = client.post if verb == "/replay" else client.get
    assert call(of(foreign, verb)).status_code == 404
    shown = client.get(page(endpoint, "/fresh"), {"open": foreign.external_id})
    assert shown.context["changed"] == []


@pytest.mark.parametrize("verb", ["/pause", "/resume", "/test"])
def test_endpoint_is_not_changed_by_looking(client, log_in, endpoint, verb):
    log_in()
    assert client.get(page(endpoint, verb)).status_code == 405
