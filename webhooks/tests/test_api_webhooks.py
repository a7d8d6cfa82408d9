"""`/v1/webhooks` and `/v1/webhooks/endpoints` as clients see them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.api.times import iso
from accounts.secrets import decrypt
from accounts.tests.factories import TenantFactory, bearer
from webhooks.models import Delivery, Endpoint
from webhooks.services.endpoints import (
    create_endpoint,
    disable_endpoint,
    provision_first_endpoint,
)
from webhooks.tests.factories import DeliveryFactory, HostFactory

pytestmark = pytest.mark.django_db

URL = "https://yourapp.com/hooks/sms-inbound"
ENDPOINTS = "/v1/webhooks/endpoints"


@pytest.fixture
def tenant():
    return TenantFactory()


@pytest.fixture
def first(tenant):
    """The endpoint that came with the first phone; it has no URL yet."""
    provision_first_endpoint(tenant=tenant)
    return Endpoint.objects.get(tenant=tenant)


@pytest.fixture
def endpoint(tenant, first):
    return create_endpoint(tenant=tenant, url=URL, name="Shop", actor=None)[0]


@pytest.fixture
def call(client, tenant):
    """A function that makes a request with the tenant's key."""
    headers = bearer(tenant)

    def call(method: str, path: str, body: object = None):
        send = getattr(client, method.lower())
        if body is None:
            return send(path, headers=headers)
        return send(path, body, "application/json", headers=headers)

    return call


def issue_of(answer) -> tuple[int, str, str]:
    (issue,) = answer.json()["issues"]
    return answer.status_code, issue["path"], issue["code"]


def error_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_webhook_is_what_the_contract_says(call, first):
    answer = call("GET", "/v1/webhooks")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "url": None,
            "events": ["message.received"],
            "enabled": False,
            "signingSecretPrefix": decrypt(first.secret)[:12],
        },
    )


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_webhook_is_missing_until_a_phone_is_paired(call, tenant, method):
    HostFactory(tenant=tenant)
    answer = call(method, "/v1/webhooks", {"url": URL} if method == "PUT" else None)
    assert error_of(answer) == (404, "no_webhook_config")
    assert "Pair a device" in answer.json()["message"]


def test_webhook_is_set_by_the_request_of_the_reference(client, tenant, first):
    body = '{"url":"https://yourapp.com/hooks/sms-inbound","enabled":true}'
    answer = client.put("/v1/webhooks", body, "application/json", headers=bearer(tenant))
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "id": first.external_id})
    assert client.get("/v1/webhooks", headers=bearer(tenant)).json() == {
        "url": URL,
        "events": ["message.received"],
        "enabled": True,
        "signingSecretPrefix": first.secret_prefix,
    }


def test_first_url_turns_the_webhook_on(call, first):
    call("PUT", "/v1/webhooks", {"url": URL, "events": ["message.sent", "message.received"]})
    shown = call("GET", "/v1/webhooks").json()
    assert (shown["enabled"], shown["events"]) == (True, ["message.received", "message.sent"])


def test_put_without_enabled_keeps_the_state(call, first):
    for enabled in (False, True):
        call("PUT", "/v1/webhooks", {"url": URL, "enabled": enabled})
        call("PUT", "/v1/webhooks", {"url": URL + "2"})
        shown = call("GET", "/v1/webhooks").json()
        assert (shown["enabled"], shown["url"]) == (enabled, URL + "2")


def test_put_enables_what_failures_or_a_pause_have_stopped(call, first):
    stopped = {"state": "disabled", "disabled_at": timezone.now(), "disabled_reason": "Gone."}
    for columns in (stopped, {"state": "paused"}):
        Endpoint.objects.filter(pk=first.pk).update(**columns)
        call("PUT", "/v1/webhooks", {"url": URL, "enabled": True})
        first.refresh_from_db()
        assert (first.state, first.disabled_at, first.disabled_reason) == ("enabled", None, "")


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({}, "url", "required"),
        ({"enabled": True}, "url", "required"),
        ({"url": None}, "url", "invalid_type"),
        ({"url": ""}, "url", "invalid_url"),
        ({"url": "http://10.0.0.1/"}, "url", "invalid_url"),
        ({"url": URL, "enabled": "yes"}, "enabled", "invalid_type"),
        ({"url": URL, "events": "message.sent"}, "events", "invalid_type"),
        ({"url": URL, "events": []}, "events", "required"),
        ({"url": URL, "events": [1]}, "events[0]", "invalid_type"),
        ({"url": URL, "events": ["message.sent", "*"]}, "events[1]", "unknown_event"),
        ({"url": URL, "events": ["message.sent"] * 101}, "events", "invalid_value"),
    ],
)
def test_put_names_what_is_wrong_and_changes_nothing(call, first, body, path, code):
    assert issue_of(call("PUT", "/v1/webhooks", body)) == (400, path, code)
    first.refresh_from_db()
    assert (first.url, first.events, first.state) == ("", ["message.received"], "enabled")


def test_unknown_fields_are_ignored_as_in_every_body(call, first):
    assert call("PUT", "/v1/webhooks", {"url": URL, "retries": 3}).status_code == 200


def test_created_endpoint_is_shown_with_its_secret(call, first):
    body = {"url": URL, "events": ["message.failed"], "name": "Shop"}
    answer = call("POST", ENDPOINTS, body)
    made = Endpoint.objects.latest("id")
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "id": made.external_id,
            "name": "Shop",
            "url": URL,
            "events": ["message.failed"],
            "state": "enabled",
            "disabledReason": None,
            "disabledAt": None,
            "signingSecretPrefix": made.secret_prefix,
            "createdAt": iso(made.created_at),
            "health": {
                "status": "untried",
                "failingSince": None,
                "lastSuccessAt": None,
                "lastFailureAt": None,
                "breakerOpenUntil": None,
            },
            "signingSecret": decrypt(made.secret),
        },
    )


def test_endpoint_hears_of_received_messages_unless_it_says_otherwise(call):
    assert call("POST", ENDPOINTS, {"url": URL}).json()["events"] == ["message.received"]
    assert call("GET", "/v1/webhooks").json()["url"] == URL


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({}, "url", "required"),
        ({"url": "https://intranet/"}, "url", "invalid_url"),
        ({"url": URL, "name": "x" * 101}, "name", "invalid_value"),
        ({"url": URL, "name": None}, "name", "invalid_type"),
        ({"url": URL, "events": ["message.lost"]}, "events[0]", "unknown_event"),
    ],
)
def test_create_names_what_is_wrong(call, body, path, code):
    assert issue_of(call("POST", ENDPOINTS, body)) == (400, path, code)
    assert Endpoint.objects.count() == 0


def test_twenty_first_endpoint_is_a_conflict(call, first):
    answers = [call("POST", ENDPOINTS, {"url": URL}) for _ in range(20)]
    assert [answer.status_code for answer in answers] == [201] * 19 + [409]
    assert error_of(answers[-1]) == (409, "conflict")
    assert len(call("GET", ENDPOINTS).json()["data"]) == 20


def test_list_has_the_tenants_endpoints_oldest_first(call, tenant, first, endpoint):
    HostFactory(tenant=tenant)
    create_endpoint(tenant=TenantFactory(), url=URL, actor=None)
    gone, _ = create_endpoint(tenant=tenant, url=URL, actor=None)
    assert call("DELETE", f"{ENDPOINTS}/{gone.external_id}").status_code == 204
    listed = call("GET", ENDPOINTS).json()["data"]
    assert [row["id"] for row in listed] == [first.external_id, endpoint.external_id]
    assert listed[1] == call("GET", f"{ENDPOINTS}/{endpoint.external_id}").json()


@pytest.mark.parametrize("count", [1, 20])
def test_list_takes_one_query(call, tenant, count, django_assert_num_queries):
    for _ in range(count):
        create_endpoint(tenant=tenant, url=URL, actor=None)
    call("GET", ENDPOINTS)  # now the key is known
    with django_assert_num_queries(1):
        assert len(call("GET", ENDPOINTS).json()["data"]) == count


MOMENT = datetime(2026, 6, 12, 18, 40, tzinfo=UTC)
SHOWN = "2026-06-12T18:40:00.000Z"


@pytest.mark.parametrize(
    ("columns", "status"),
    [
        ({}, "untried"),
        ({"last_success_at": MOMENT}, "healthy"),
        ({"failing_since": MOMENT}, "failing"),
        ({"last_success_at": MOMENT, "failing_since": MOMENT}, "failing"),
        ({"failing_since": MOMENT, "breaker_until": MOMENT}, "waiting"),
        ({"failing_since": MOMENT, "state": "disabled"}, "disabled"),
        ({"last_success_at": MOMENT, "state": "paused"}, "healthy"),
    ],
)
def test_health_in_a_word(call, endpoint, columns, status):
    Endpoint.objects.filter(pk=endpoint.pk).update(**columns)
    health = call("GET", f"{ENDPOINTS}/{endpoint.external_id}").json()["health"]
    assert health["status"] == status


def test_endpoint_shows_why_and_when_it_was_disabled(call, endpoint):
    Endpoint.objects.filter(pk=endpoint.pk).update(
        state="disabled",
        disabled_at=MOMENT,
        disabled_reason="The receiver answered 410 Gone.",
        failing_since=MOMENT,
        last_failure_at=MOMENT,
        last_success_at=MOMENT,
        breaker_until=MOMENT,
    )
    shown = call("GET", f"{ENDPOINTS}/{endpoint.external_id}").json()
    assert (shown["state"], shown["disabledAt"], shown["disabledReason"], shown["health"]) == (
        "disabled",
        SHOWN,
        "The receiver answered 410 Gone.",
        {
            "status": "disabled",
            "failingSince": SHOWN,
            "lastSuccessAt": SHOWN,
            "lastFailureAt": SHOWN,
            "breakerOpenUntil": SHOWN,
        },
    )


def test_patch_changes_what_it_names(call, endpoint):
    where = f"{ENDPOINTS}/{endpoint.external_id}"
    before = call("GET", where).json()
    change = {"name": "Stock", "url": URL + "2", "events": ["device.offline"], "state": "paused"}
    assert call("PATCH", where, change).json() == before | change
    assert call("PATCH", where, {}).json() == before | change
    cleared = call("PATCH", where, {"name": "", "state": "enabled"}).json()
    assert (cleared["name"], cleared["state"]) == (None, "enabled")


def test_patch_walks_through_all_states(call, endpoint):
    where = f"{ENDPOINTS}/{endpoint.external_id}"
    for state in ("paused", "disabled", "disabled", "enabled", "disabled", "enabled", "paused"):
        answer = call("PATCH", where, {"state": state})
        assert (answer.status_code, answer.json()["state"]) == (200, state)


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"url": ""}, "url", "invalid_url"),
        ({"state": "asleep"}, "state", "invalid_value"),
        ({"events": []}, "events", "required"),
        ({"name": 1}, "name", "invalid_type"),
        ({"name": "x" * 101}, "name", "invalid_value"),
    ],
)
def test_patch_names_what_is_wrong_and_changes_nothing(call, endpoint, change, path, code):
    where = f"{ENDPOINTS}/{endpoint.external_id}"
    before = call("GET", where).json()
    assert issue_of(call("PATCH", where, {"name": "Stock", "state": "paused"} | change)) == (
        400,
        path,
        code,
    )
    assert call("GET", where).json() == before


def test_patch_is_all_or_nothing(call, endpoint):
    where = f"{ENDPOINTS}/{endpoint.external_id}"
    disable_endpoint(endpoint=endpoint, actor=None)
    assert error_of(call("PATCH", where, {"name": "Stock", "state": "paused"})) == (409, "conflict")
    assert call("GET", where).json()["name"] == "Shop"


def test_deleted_endpoint_is_gone(call, endpoint):
    where = f"{ENDPOINTS}/{endpoint.external_id}"
    answer = call("DELETE", where)
    assert (answer.status_code, answer.content) == (204, b"")
    later = [call("GET", where), call("DELETE", where), call("PATCH", where, {"name": "Back"})]
    assert [error_of(answer) for answer in later] == [(404, "not_found")] * 3


def test_first_endpoint_cannot_be_deleted(call, first):
    assert error_of(call("DELETE", f"{ENDPOINTS}/{first.external_id}")) == (409, "conflict")
    assert call("GET", "/v1/webhooks").status_code == 200


def test_rotation_shows_the_new_secret_once(call, endpoint, time_machine):
    time_machine.move_to(MOMENT, tick=False)
    answer = call("POST", f"{ENDPOINTS}/{endpoint.external_id}/rotate-secret")
    endpoint.refresh_from_db()
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "signingSecret": decrypt(endpoint.secret),
            "previousSecretUntil": "2026-06-13T18:40:00.000Z",
        },
    )


def test_secrets_are_never_shown_again(call, tenant, first):
    made = call("POST", ENDPOINTS, {"url": URL}).json()
    where = f"{ENDPOINTS}/{made['id']}"
    rotated = call("POST", f"{where}/rotate-secret").json()
    delivery = call("POST", f"{where}/test").json()
    secrets = [made["signingSecret"], rotated["signingSecret"], decrypt(first.secret)]
    answers = [
        call("GET", "/v1/webhooks"),
        call("GET", ENDPOINTS),
        call("GET", where),
        call("PATCH", where, {"name": "Shop"}),
        call("GET", "/v1/webhooks/deliveries"),
        call("GET", f"/v1/webhooks/deliveries/{delivery['id']}"),
    ]
    assert [answer.status_code for answer in answers] == [200] * 6
    shown = "".join(answer.content.decode() for answer in answers)
    assert [secret for secret in secrets if secret[7:] in shown or secret[13:] in shown] == []


def test_test_event_is_queued_for_this_endpoint(call, endpoint):
    answer = call("POST", f"{ENDPOINTS}/{endpoint.external_id}/test")
    delivery = Delivery.objects.get()
    assert (answer.status_code, answer.json()) == (
        202,
        {
            "id": delivery.external_id,
            "eventId": delivery.event.external_id,
            "event": "webhook.test",
            "endpointId": endpoint.external_id,
            "url": URL,
            "status": "pending",
            "attempts": 0,
            "lastStatus": None,
            "lastError": None,
            "createdAt": iso(delivery.created_at),
            "nextAttemptAt": iso(delivery.next_attempt_at),
            "finishedAt": None,
        },
    )


def test_endpoint_without_url_cannot_be_tested(call, first):
    answer = call("POST", f"{ENDPOINTS}/{first.external_id}/test")
    assert (error_of(answer), Delivery.objects.count()) == ((409, "conflict"), 0)


def test_replay_queues_what_failed_since_then(call, endpoint, first):
    now = timezone.now()
    failed = DeliveryFactory(endpoint=endpoint, failed=True)
    held = DeliveryFactory(endpoint=endpoint, held=True)
    others = [
        DeliveryFactory(endpoint=endpoint, failed=True, created_at=now - timedelta(hours=2)),
        DeliveryFactory(endpoint=endpoint, succeeded=True),
        DeliveryFactory(endpoint=first, failed=True),
    ]
    before = [other.status for other in others]
    since = iso(now - timedelta(hours=1))
    answer = call("POST", f"{ENDPOINTS}/{endpoint.external_id}/replay", {"since": since})
    assert (answer.status_code, answer.json()) == (202, {"count": 2})
    for delivery in (failed, held, *others):
        delivery.refresh_from_db()
    assert (failed.status, held.status) == ("pending", "pending")
    assert [other.status for other in others] == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required"),
        ({"since": "yesterday"}, "invalid_value"),
        ({"since": "2026-06-12T18:40:00"}, "invalid_value"),
        ({"since": "2001-01-01T00:00:00Z"}, "too_long_ago"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "too_long_ago"),
    ],
)
def test_replay_names_what_is_wrong(call, endpoint, body, code):
    answer = call("POST", f"{ENDPOINTS}/{endpoint.external_id}/replay", body)
    assert issue_of(answer) == (400, "since", code)


def test_replay_of_a_disabled_endpoint_is_a_conflict(call, endpoint):
    disable_endpoint(endpoint=endpoint, actor=None)
    answer = call(
        "POST", f"{ENDPOINTS}/{endpoint.external_id}/replay", {"since": iso(timezone.now())}
    )
    assert error_of(answer) == (409, "conflict")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/webhooks", "webhooks:read"),
        ("PUT", "/v1/webhooks", "webhooks:write"),
        ("GET", ENDPOINTS, "webhooks:read"),
        ("POST", ENDPOINTS, "webhooks:write"),
        ("GET", f"{ENDPOINTS}/x", "webhooks:read"),
        ("PATCH", f"{ENDPOINTS}/x", "webhooks:write"),
        ("DELETE", f"{ENDPOINTS}/x", "webhooks:write"),
        ("POST", f"{ENDPOINTS}/x/rotate-secret", "webhooks:write"),
        ("POST", f"{ENDPOINTS}/x/test", "webhooks:write"),
        ("POST", f"{ENDPOINTS}/x/replay", "webhooks:write"),
        ("GET", "/v1/webhooks/deliveries", "webhooks:read"),
        ("GET", "/v1/webhooks/deliveries/x", "webhooks:read"),
        ("POST", "/v1/webhooks/deliveries/x/replay", "webhooks:write"),
    ],
)
def test_scope_is_needed(client, tenant, method, path, scope):
    other = {"webhooks:read": "webhooks:write", "webhooks:write": "webhooks:read"}[scope]
    send = getattr(client, method.lower())
    without = send(path, headers=bearer(tenant, scopes=(other,)))
    assert error_of(without) == (403, "forbidden")
    assert send(path, headers=bearer(tenant, scopes=(scope,))).status_code != 403


def test_test_keys_manage_endpoints_too(client, tenant):
    headers = bearer(tenant, prefix="sk_test_")
    answer = client.post(ENDPOINTS, {"url": URL}, "application/json", headers=headers)
    assert answer.status_code == 201
