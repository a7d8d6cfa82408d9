"""Around every request: its id, and one line in the log."""

import json
import re
from io import StringIO

import pytest
import structlog
from django.conf import settings

from accounts.tests.factories import TenantFactory, bearer
from gateway_site.logs import logging_config

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
