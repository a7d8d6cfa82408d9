"""`/v1/webhooks/deliveries`: the log as clients see it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.api.times import iso
from accounts.ids import first_id_of
from accounts.tests.factories import bearer
from webhooks.models import Delivery
from webhooks.services.endpoints import delete_endpoint, disable_endpoint
from webhooks.tests.factories import (
    DeliveryAttemptFactory,
    DeliveryFactory,
    EndpointFactory,
    EventFactory,
    HostFactory,
)

pytestmark = pytest.mark.django_db

LOG = "/v1/webhooks/deliveries"
MOMENT = datetime(2026, 6, 12, 18, 40, tzinfo=UTC)
SHOWN = "2026-06-12T18:40:00.000Z"


@pytest.fixture
def endpoint():
    return EndpointFactory()


@pytest.fixture
def tenant(endpoint):
    return endpoint.tenant


@pytest.fixture
def listed(client, tenant):
    """A function that gets the log with the given query."""
    headers = bearer(tenant)
    return lambda **query: client.get(LOG, query, headers=headers)


@pytest.fixture
def get(client, tenant):
    headers = bearer(tenant)
    return lambda delivery: client.get(f"{LOG}/{delivery.external_id}", headers=headers)


@pytest.fixture
def replay(client, tenant):
    headers = bearer(tenant)
    return lambda delivery: client.post(f"{LOG}/{delivery.external_id}/replay", headers=headers)


def ids_of(answer) -> list[str]:
    return [row["id"] for row in answer.json()["data"]]


def error_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def failed_row(endpoint) -> tuple[Delivery, dict]:
    """A delivery of which everything is known, and how it is shown in the log."""
    delivery = DeliveryFactory(
        endpoint=endpoint,
        status="failed",
        attempts=10,
        created_at=MOMENT,
        next_attempt_at=None,
        finished_at=MOMENT,
        last_status=503,
        last_error="The receiver answered 503.",
    )
    return delivery, {
        "id": delivery.external_id,
        "eventId": delivery.event.external_id,
        "event": "message.received",
        "endpointId": endpoint.external_id,
        "url": endpoint.url,
        "status": "failed",
        "attempts": 10,
        "lastStatus": 503,
        "lastError": "The receiver answered 503.",
        "createdAt": SHOWN,
        "nextAttemptAt": None,
        "finishedAt": SHOWN,
    }


def test_row_tells_what_became_of_it(listed, endpoint):
    _, row = failed_row(endpoint)
    assert listed().json() == {"data": [row], "nextCursor": None}


def test_row_of_what_waits_says_until_when(listed, endpoint):
    DeliveryFactory(endpoint=endpoint, next_attempt_at=MOMENT)
    (row,) = listed().json()["data"]
    assert (row["status"], row["nextAttemptAt"], row["finishedAt"], row["lastError"]) == (
        "pending",
        SHOWN,
        None,
        None,
    )


def test_delivery_to_a_host_has_no_endpoint(listed, get, tenant):
    delivery = DeliveryFactory(
        endpoint=HostFactory(tenant=tenant), url="https://elsewhere.example.com/callback"
    )
    (row,) = listed().json()["data"]
    assert (row["endpointId"], row["url"]) == (None, "https://elsewhere.example.com/callback")
    assert get(delivery).json()["endpointId"] is None


def test_detail_has_the_body_and_every_try(get, endpoint):
    delivery, row = failed_row(endpoint)
    DeliveryAttemptFactory(
        delivery=delivery,
        started_at=MOMENT,
        address="",
        status=None,
        error="dns: This name leads nowhere.",
    )
    DeliveryAttemptFactory(
        delivery=delivery,
        started_at=MOMENT + timedelta(seconds=5),
        request_headers={"webhook-id": delivery.event.external_id},
        status=503,
        response_headers={"retry-after": "60"},
        response_body="Try later",
    )
    DeliveryAttemptFactory()
    answer = get(delivery)
    assert (answer.status_code, answer.json()) == (
        200,
        row
        | {
            "body": delivery.event.body,
            "history": [
                {
                    "startedAt": SHOWN,
                    "durationMs": 12,
                    "address": None,
                    "requestHeaders": {},
                    "status": None,
                    "responseHeaders": {},
                    "responseBody": "",
                    "error": "dns: This name leads nowhere.",
                },
                {
                    "startedAt": "2026-06-12T18:40:05.000Z",
                    "durationMs": 12,
                    "address": "192.0.2.1",
                    "requestHeaders": {"webhook-id": delivery.event.external_id},
                    "status": 503,
                    "responseHeaders": {"retry-after": "60"},
                    "responseBody": "Try later",
                    "error": None,
                },
            ],
        },
    )


def test_detail_of_a_text_that_may_not_be_kept_has_no_body(get, endpoint):
    event = EventFactory(tenant=endpoint.tenant, is_private=True, body="")
    assert get(DeliveryFactory(endpoint=endpoint, event=event)).json()["body"] is None


def test_detail_shows_the_last_hundred_tries(get, endpoint):
    delivery = DeliveryFactory(endpoint=endpoint)
    for number in range(101):
        DeliveryAttemptFactory(delivery=delivery, duration_ms=number)
    shown = [attempt["durationMs"] for attempt in get(delivery).json()["history"]]
    assert shown == list(range(1, 101))


def test_log_is_newest_first_with_50_to_a_page_and_at_most_200(listed, endpoint):
    made = [DeliveryFactory(endpoint=endpoint).external_id for _ in range(51)]
    page = listed()
    rest = listed(cursor=page.json()["nextCursor"])
    assert (ids_of(page), ids_of(rest)) == (made[:0:-1], made[:1])
    assert rest.json()["nextCursor"] is None
    assert len(ids_of(listed(limit=200))) == 51


@pytest.mark.parametrize("count", [1, 30])
def test_log_takes_one_query(listed, endpoint, count, django_assert_num_queries):
    DeliveryFactory.create_batch(count, endpoint=endpoint)
    listed()  # now the key is known
    with django_assert_num_queries(1):
        assert len(ids_of(listed())) == count


@pytest.mark.parametrize("count", [1, 30])
def test_detail_takes_two_queries(get, endpoint, count, django_assert_num_queries):
    delivery = DeliveryFactory(endpoint=endpoint)
    DeliveryAttemptFactory.create_batch(count, delivery=delivery)
    get(delivery)
    with django_assert_num_queries(2):
        assert len(get(delivery).json()["history"]) == count


@pytest.fixture
def mixed(endpoint):
    """Deliveries of all kinds, and a neighbour's."""
    other = EndpointFactory(tenant=endpoint.tenant)
    host = HostFactory(tenant=endpoint.tenant)
    sent = EventFactory(tenant=endpoint.tenant, name="message.sent")
    DeliveryFactory(failed=True)
    return [
        DeliveryFactory(endpoint=endpoint),
        DeliveryFactory(endpoint=other, succeeded=True, event=sent),
        DeliveryFactory(endpoint=host, failed=True, event=sent),
        DeliveryFactory(endpoint=endpoint, held=True),
        DeliveryFactory(endpoint=other, failed=True),
        DeliveryFactory(endpoint=endpoint, succeeded=True, event=sent),
    ]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, [5, 4, 3, 2, 1, 0]),
        ({"status": "pending"}, [0]),
        ({"status": "failed"}, [4, 2]),
        ({"status": "held"}, [3]),
        ({"event": "message.sent"}, [5, 2, 1]),
        ({"event": "message.lost"}, []),
        ({"event": "message.sent", "status": "succeeded"}, [5, 1]),
    ],
)
def test_filters_narrow(listed, mixed, query, wanted):
    assert ids_of(listed(**query)) == [mixed[number].external_id for number in wanted]


def test_filter_for_an_endpoint(listed, mixed):
    mine = {"endpointId": mixed[0].endpoint.external_id}
    assert ids_of(listed(**mine)) == [mixed[number].external_id for number in (5, 3, 0)]
    assert ids_of(listed(**mine, status="held")) == [mixed[3].external_id]


def test_filter_for_an_endpoint_that_was_deleted_finds_its_log(listed, mixed):
    other = mixed[1].endpoint
    delete_endpoint(endpoint=other, actor=None)
    found = listed(endpointId=other.external_id)
    assert ids_of(found) == [mixed[4].external_id, mixed[1].external_id]


def test_filter_for_an_endpoint_that_is_none_finds_nothing(listed, mixed):
    host, foreign = mixed[2].endpoint, EndpointFactory()
    DeliveryFactory(endpoint=foreign)
    unknown = ["", "x", "wkh_" + "0" * 22, host.external_id, foreign.external_id]
    assert [ids_of(listed(endpointId=external_id)) for external_id in unknown] == [[]] * 5


def test_bounds_include_since_and_exclude_until(listed, endpoint):
    made = [
        DeliveryFactory(endpoint=endpoint, public_id=first_id_of(MOMENT + timedelta(hours=hour)))
        for hour in range(3)
    ]
    since, until = SHOWN.replace("18:", "19:"), SHOWN.replace("18:", "20:")
    assert ids_of(listed(since=since)) == [made[2].external_id, made[1].external_id]
    assert ids_of(listed(since=since, until=until)) == [made[1].external_id]
    assert ids_of(listed(until="2026-06-12T19:40:00+01:00")) == []


@pytest.mark.parametrize(
    ("query", "path", "code"),
    [
        ({"limit": 0}, "limit", "invalid_value"),
        ({"limit": 201}, "limit", "invalid_value"),
        ({"status": "lost"}, "status", "invalid_value"),
        ({"since": "yesterday"}, "since", "invalid_value"),
        ({"event": "x" * 41}, "event", "invalid_value"),
        ({"event": "a\x00b"}, "event", "invalid_characters"),
        ({"cursor": "nonsense"}, "cursor", "invalid_cursor"),
        ({"state": "failed"}, "state", "unknown_parameter"),
    ],
)
def test_query_that_makes_no_sense_is_named(listed, query, path, code):
    answer = listed(**query)
    (issue,) = answer.json()["issues"]
    assert (answer.status_code, issue["path"], issue["code"]) == (400, path, code)


def test_cursor_works_only_with_its_filters(listed, mixed):
    cursor = listed(limit=1, status="failed").json()["nextCursor"]
    assert listed(limit=1, status="held", cursor=cursor).status_code == 400
    again = listed(limit=5, status="failed", cursor=cursor)
    assert ids_of(again) == [mixed[2].external_id]


def test_replay_starts_a_delivery_anew(replay, endpoint):
    delivery, row = failed_row(endpoint)
    answer = replay(delivery)
    delivery.refresh_from_db()
    assert (answer.status_code, answer.json()) == (
        202,
        row
        | {
            "status": "pending",
            "attempts": 0,
            "lastStatus": None,
            "lastError": None,
            "nextAttemptAt": iso(delivery.next_attempt_at),
            "finishedAt": None,
        },
    )
    assert delivery.next_attempt_at > timezone.now() - timedelta(minutes=1)


def test_replay_of_what_is_under_way_is_a_conflict(replay, endpoint):
    assert error_of(replay(DeliveryFactory(endpoint=endpoint))) == (409, "conflict")


def test_replay_for_a_disabled_endpoint_is_a_conflict(replay, endpoint):
    delivery = DeliveryFactory(endpoint=endpoint, held=True)
    disable_endpoint(endpoint=endpoint, actor=None)
    assert error_of(replay(delivery)) == (409, "conflict")
