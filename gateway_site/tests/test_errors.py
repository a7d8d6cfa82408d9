"""The error envelope: the same four things, whatever goes wrong below `/v1/`."""

import pytest
from django.test import Client

from accounts.models import Tenant
from accounts.tests.factories import TenantFactory, bearer
from devices.tests.factories import DeviceFactory
from messaging.tests.factories import MessageFactory

pytestmark = pytest.mark.usefixtures("db")

SEND = {"to": "+6581230000", "text": "Hello"}


@pytest.fixture
def api():
    """A client to which a crash is an answer."""
    return Client(raise_request_exception=False)


@pytest.fixture
def tenant():
    return DeviceFactory().tenant


@pytest.fixture
def headers(tenant):
    return bearer(tenant)


def post(api, body, headers=None, where="/v1/messages", content_type="application/json"):
    return api.post(where, body, content_type=content_type, headers=headers)


def error_of(answer) -> tuple[int, str]:
    """(status, error) of an answer that is a whole envelope."""
    envelope = answer.json()
    assert answer["Content-Type"] == "application/json"
    assert (envelope["requestId"], len(envelope["message"]) > 10) == (answer["X-Request-Id"], True)
    assert set(envelope) - {"issues"} == {"error", "message", "requestId"}
    return answer.status_code, envelope["error"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"{", ""),
        (b"[]", ""),
        (b"{}", "to"),
        (b'{"to": 1, "text": "x"}', "to"),
        (rb'{"to": "+6581230000", "text": "\u0000"}', "text"),
        (rb'{"to": "+6581230000", "text": "\ud800"}', "text"),
        (
            rb'{"to": "+6581230000", "text": "x", "metadata": {"\ud800": {"a": "\u0000"}}}',
            "metadata",
        ),
        (
            b'{"to": "+6581230000", "text": "x", "metadata": ' + b'{"a":' * 21 + b"1" + b"}" * 22,
            "metadata",
        ),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", ""),
        (b'{"to": "+6581230000", "text": ""}', "text"),
        (b'{"to": "nobody", "text": "x"}', "to"),
    ],
)
def test_400_names_the_path(api, headers, body, path):
    answer = post(api, body, headers)
    assert error_of(answer) == (400, "validation_error")
    issue = answer.json()["issues"][0]
    assert (issue["path"], set(issue)) == (path, {"path", "code", "message"})


def test_400_for_a_host_that_is_not_ours(api):
    assert error_of(api.get("/v1/messages", headers={"Host": "evil.example"})) == (
        400,
        "validation_error",
    )


def test_400_for_a_format_that_the_description_does_not_have(api):
    answer = api.get("/v1/openapi.yaml", headers={"Accept": "image/png"})
    assert error_of(answer) == (400, "validation_error")


@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        ("", "unauthorized"),
        ("Basic x", "unauthorized"),
        ("Bearer sk_live_x", "unauthorized"),
        ("Bearer " + "é" * 48, "unauthorized"),
        ("Bearer sk_live_" + "0" * 40, "invalid_api_key"),
    ],
)
def test_401_for_a_missing_and_for_an_unknown_key(api, authorization, error):
    answer = post(api, SEND, {"Authorization": authorization})
    assert (error_of(answer), answer["WWW-Authenticate"]) == ((401, error), "Bearer")


def test_403_for_a_suspended_tenant(api, tenant, headers):
    Tenant.objects.update(status=Tenant.Status.SUSPENDED)
    assert error_of(post(api, SEND, headers)) == (403, "tenant_inactive")


def test_403_for_a_missing_scope(api, tenant):
    narrow = bearer(tenant, scopes=("messages:read",))
    assert error_of(post(api, SEND, narrow)) == (403, "forbidden")


def test_403_from_another_network(api, tenant):
    narrow = bearer(tenant, allowed_networks=("203.0.113.0/24",))
    assert error_of(post(api, SEND, narrow)) == (403, "ip_not_allowed")


@pytest.mark.parametrize(
    "where",
    [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/messages/",
        "/v1/messages/msg_" + "0" * 22,
        "/v1/messages/%00",
        "/v1/messages/%ff%fe",
        "/v1/devices/dev_" + "0" * 22,
        "/v1/devices/msg_" + "0" * 22,
        "/v1/openapi.yaml?format=nothing",
    ],
)
def test_404_for_an_unknown_path_and_an_unknown_id(api, headers, where):
    assert error_of(api.get(where, headers=headers)) == (404, "not_found")


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_404_for_an_unknown_path_with_any_method_and_no_key(settings, method, debug):
    settings.DEBUG = debug
    strict = Client(raise_request_exception=False, enforce_csrf_checks=True)
    assert error_of(getattr(strict, method)("/v1/nothing")) == (404, "not_found")


def test_404_for_a_wrong_pairing_code(api):
    answer = post(api, {"code": "00000000"}, where="/v1/device/pair")
    assert error_of(answer) == (404, "invalid_pairing_code")


@pytest.mark.parametrize(
    ("method", "where", "allowed"),
    [
        ("DELETE", "/v1/messages", "GET, POST, HEAD, OPTIONS"),
        ("PUT", "/v1/devices/x", "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("GET", "/v1/device/pair", "POST, OPTIONS"),
        ("TRACE", "/v1/messages/batch", "POST, OPTIONS"),
        ("BREW", "/v1/messages/batch", "POST, OPTIONS"),
        ("POST", "/v1/openapi.yaml", "GET, HEAD, OPTIONS"),
        ("POST", "/v1/docs", "GET, HEAD, OPTIONS"),
    ],
)
def test_405_tells_what_is_allowed(api, method, where, allowed):
    answer = api.generic(method, where)
    assert (error_of(answer), answer["Allow"]) == ((405, "method_not_allowed"), allowed)


def test_409_for_an_idempotency_key_with_another_body(api, headers):
    headers |= {"Idempotency-Key": "k"}
    assert post(api, SEND, headers).status_code == 202
    assert error_of(post(api, SEND | {"text": "Bye"}, headers)) == (409, "conflict")


def test_409_for_a_message_that_has_left(api, tenant, headers):
    message = MessageFactory(device__tenant=tenant, status="sent")
    where = f"/v1/messages/{message.external_id}/cancel"
    assert error_of(post(api, None, headers, where=where)) == (409, "conflict")


@pytest.mark.parametrize(
    ("where", "limit"), [("/v1/messages", 1_000_000), ("/v1/messages/batch", 10_000_000)]
)
def test_413_from_the_first_byte_too_many(api, headers, where, limit):
    assert error_of(post(api, b" " * (limit + 1), headers, where)) == (413, "payload_too_large")
    assert error_of(post(api, b" " * limit, headers, where)) == (400, "validation_error")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_415_for_what_is_not_json(api, headers, content_type):
    answer = post(api, b"{}", headers, content_type=content_type)
    assert error_of(answer) == (415, "unsupported_media_type")


def test_429_says_when_to_come_again(api, headers, settings):
    settings.API_REQUESTS_PER_MINUTE = 1
    post(api, SEND, headers)
    answer = post(api, SEND, headers)
    assert error_of(answer) == (429, "rate_limited")
    assert (answer["RateLimit-Limit"], answer["RateLimit-Remaining"]) == ("1", "0")
    assert 55 <= int(answer["Retry-After"]) <= 60


def test_503_without_a_phone(api):
    answer = post(api, SEND, bearer(TenantFactory()))
    assert (error_of(answer), answer["Retry-After"]) == (
        (503, "no_active_device_for_tenant"),
        "30",
    )
