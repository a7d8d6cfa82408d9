"""Around every request: its id, and one line in the log."""

import json
import re
from io import StringIO

import pytest
import structlog
from django.conf import settings

from accounts.tests.factories import TenantFactory, bearer
from gateway_site.logs import logging_config
from integrations.ingress.tests.factories import IngressFactory

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def lines(monkeypatch):
    """A function that gives the log lines since the test began."""
    stream = StringIO()
    with monkeypatch.context() as patched:
        patched.setattr("sys.stderr", stream)
        logging_config(level="INFO", as_json=True)
    yield lambda: stream.getvalue().splitlines()
    logging_config(level=settings.LOG_LEVEL, as_json=True)
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize("given", ["abc", "0198c1f2-7a.b_C", "x" * 64])
def test_request_id_of_the_client_is_echoed(client, given):
    answer = client.get("/v1/nothing", headers={"X-Request-Id": given})
    assert (answer["X-Request-Id"], answer.json()["requestId"]) == (given, given)


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\nb", "<script>", "é", '"', "a\n"])
def test_request_id_that_is_not_sane_is_replaced(client, given):
    answer = client.get("/v1/nothing", headers={"X-Request-Id": given})
    made = answer["X-Request-Id"]
    assert re.fullmatch("[0-9a-f]{32}", made) is not None
    assert answer.json()["requestId"] == made


def test_request_ids_differ(client):
    assert len({client.get("/livez")["X-Request-Id"] for _ in range(10)}) == 10


def test_request_is_one_line_of_json(client, lines):
    tenant = TenantFactory()
    headers = bearer(tenant) | {"X-Request-Id": "abc"}
    client.get("/v1/messages?q=private", headers=headers)
    (line,) = lines()
    told = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", told.pop("timestamp")) is not None
    assert 0 <= told.pop("ms") < 10_000
    assert told == {
        "event": "request",
        "level": "info",
        "logger": "gateway.requests",
        "method": "GET",
        "path": "/v1/messages",
        "status": 200,
        "request_id": "abc",
        "tenant": tenant.pk,
    }


def test_line_of_a_refused_request_has_no_tenant(client, lines):
    client.post("/v1/messages", headers={"Authorization": "Bearer sk_live_secret"})
    (line,) = lines()
    told = json.loads(line)
    assert (told["status"], told["tenant"], line.count("sk_live_secret")) == (401, None, 0)


def test_path_with_a_line_break_stays_one_line(client, lines):
    client.get("/v1/a%0Ab%22")
    (line,) = lines()
    assert json.loads(line)["path"] == '/v1/a\nb"'


@pytest.mark.parametrize("token", ["ig_" + "aB3-_" * 8 + "xyz", "ig_short", "ig_a%20b%0A"])
def test_token_of_an_ingress_is_not_logged(client, lines, token):
    client.post(f"/v1/ingress/{token}", {}, "application/json")
    (line,) = lines()
    assert json.loads(line)["path"].partition("ig_")[2][:3] == "***"
    assert [part in line for part in ("aB3", "short", "a b")] == [False] * 3


def test_token_is_not_in_what_django_logs_of_a_server_error(client, lines):
    ingress = IngressFactory()  # without a phone
    client.post(f"/v1/ingress/{ingress.secret_token}", {"to": "+6581230000", "text": "Hello"})
    of_ours, of_django = (json.loads(line) for line in lines())
    assert of_django["event"] == "Service Unavailable: /v1/ingress/ig_***"
    assert (of_ours["path"], of_ours["status"]) == ("/v1/ingress/ig_***", 503)


def test_other_paths_are_logged_as_they_are(client, lines):
    client.get("/v1/ingress/wkh_abc/payloads")
    client.get("/v1/config_of_a_very_long_name_that_is_no_token")
    assert [json.loads(line)["path"] for line in lines()] == [
        "/v1/ingress/wkh_abc/payloads",
        "/v1/config_of_a_very_long_name_that_is_no_token",
    ]
