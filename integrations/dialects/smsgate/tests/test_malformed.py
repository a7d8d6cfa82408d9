"""Whatever is sent: never a server error, and every refusal is a sentence."""

from urllib.parse import urlencode

import pytest
from django.test import Client

from accounts.tests.factories import bearer
from integrations.dialects.smsgate.tests.conftest import BASE
from tests.test_malformed import mutations

BODIES = {
    ("POST", "/messages"): {
        "phoneNumbers": ["+6581230000"],
        "textMessage": {"text": "Hi"},
        "id": "m",
        "deviceId": "x",
        "validUntil": "2030-01-01T00:00:00Z",
    },
    ("POST", "/webhooks"): {"id": "w", "url": "https://example.com/", "event": "sms:sent"},
    ("PATCH", "/settings"): {
        "gateway": {"cloud_url": "https://example.com/", "notification_channel": "AUTO"},
        "webhooks": {"signing_key": "key"},
    },
    ("POST", "/auth/token"): {"scopes": ["messages:send"]},
}


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_mutilated_body_is_no_server_error(device, settings, method, path):
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
    client, headers = Client(raise_request_exception=False), bearer(device.tenant)
    for what, body, content_type in mutations(BODIES[method, path]):
        answer = client.generic(method, BASE + path, body, content_type, headers=headers)
        told = list(answer.json()) if answer.status_code >= 400 else ["message"]
        assert (what, answer.status_code < 500, told) == (what, True, ["message"])


@pytest.mark.parametrize("path", ["/messages", "/inbox"])
@pytest.mark.parametrize("value", ["", "\x00", "x" * 5000, "1e400", "é", "9" * 400])
def test_odd_query_is_no_server_error(call, path, value):
    for name in ("from", "to", "state", "type", "deviceId", "limit", "offset", "sort", "a\x00"):
        answer = call("GET", f"{path}?{urlencode({name: value})}")
        assert (name, answer.status_code) in ((name, 200), (name, 400))
