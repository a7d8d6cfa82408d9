"""Whatever is sent to the API: never a server error, and every refusal is the envelope.

The requests are made from the OpenAPI description, so a new operation joins by itself.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from accounts.tests.factories import bearer
from devices.tests.factories import DeviceFactory, token_of
from integrations.ingress.tests.factories import IngressFactory
from tests.id_kinds import ID_KINDS

pytestmark = pytest.mark.usefixtures("db")

DESCRIPTION = SchemaGenerator().get_schema(request=None, public=True)
OPERATIONS = [
    result.ok() for result in schemathesis.openapi.from_dict(DESCRIPTION).get_all_operations()
]
TEXT = {"to": "+6581230000", "text": "Hello", "ref": "r", "callback": "https://example.com/"}
TEXT |= {"deviceId": "dev_x", "metadata": {"key": "value", "list": ["item"]}, "channel": "sms"}
INGRESS = {"name": "Shop", "preset": "generic", "toPath": "a.b", "textPath": "$.c[0]"}
INGRESS |= {"refPath": "d", "textTemplate": "Dear {{e}}", "signingSecret": "hush"}
INGRESS |= {"signingHeader": "X-Mac", "outboundUrl": "https://example.com/"}
RULE = {"name": "Hours", "matchType": "regex", "pattern": "open", "fromFilter": "+65"}
RULE |= {"activeHours": {"from": "09:00", "until": "17:00"}, "activeDays": ["mon"]}
RULE |= {"replyTemplate": "Hi {{name}}", "email": "desk@example.com", "emailSubject": "New"}
RULE |= {"emailBody": "{{text}}", "webhook": "https://example.com/", "forwardTo": "+6581230000"}
RULE |= {"addToGroup": "grp_x"}
ENDPOINT = {"url": "https://example.com/hook", "events": ["message.received"]}
# Operation -> a body with every string field that it takes.
BODIES: dict[str, dict[str, Any] | list[dict[str, Any]]] = {
    "sendMessage": TEXT,
    "sendBatch": {"messages": [TEXT]},
    "previewMessage": {"text": "Hello", "to": "+6581230000"},
    "updateDevice": {
        "nickname": "Desk",
        "status": "active",
        "sims": [{"slot": 1, "limits": {"quietFrom": "22:00", "quietUntil": "07:00"}}],
    },
    "createContact": {
        "number": "+6581230000",
        "name": "Alice",
        "fields": {"city": "Singapore"},
        "groups": ["grp_x"],
    },
    "updateContact": {
        "number": "+6581230000",
        "name": "Alice",
        "fields": {"city": "Singapore"},
        "groups": ["grp_x"],
    },
    "createGroup": {"name": "Customers"},
    "updateGroup": {"name": "Customers"},
    "optOut": {"number": "+6581230000"},
    "updateSettings": {
        "name": "Alice's shop",
        "defaultCountry": "SG",
        "timeZone": "Asia/Singapore",
        "keywords": {
            "languages": ["en"],
            "stopWords": ["ENOUGH"],
            "startWords": ["AGAIN"],
            "helpWords": ["WHAT"],
            "stopText": "Bye",
            "startText": "Welcome back",
            "helpText": "Ask us",
        },
    },
    "createRule": RULE,
    "replaceRule": RULE,
    "updateRule": RULE,
    "reorderRules": {"ids": ["rule_x"]},
    "testRules": {
        "from": "+6581230000",
        "text": "Hello",
        "to": "+6598765432",
        "at": "2026-06-12T18:40:00Z",
    },
    "replaceRuleSettings": {"defaultReply": "Hi"},
    "updateRuleSettings": {"defaultReply": "Hi"},
    "setWebhook": ENDPOINT,
    "createEndpoint": ENDPOINT | {"name": "Shop"},
    "updateEndpoint": ENDPOINT | {"name": "Shop", "state": "enabled"},
    "replayEndpoint": {"since": "2026-06-12T18:40:00Z"},
    "createIngress": INGRESS,
    "replaceIngress": INGRESS,
    "updateIngress": INGRESS,
    "dryRunIngress": {"payload": {"to": "+6581230000", "text": "Hello"}, "payloadId": "pay_x"},
    "postToIngress": {"to": "+6581230000", "text": "Hello", "ref": "r", "more": {"a": ["b"]}},
    "sendFrames": [
        {"type": "heartbeat", "id": "f1", "network": "wifi"},
        {
            "type": "message.received",
            "id": "f2",
            "from": "+6581230000",
            "to": "+6598765432",
            "text": "Hello",
            "received_at": "2026-06-12T18:40:00Z",
            "provider_key": "k",
        },
        {"type": "message.failed", "id": "f3", "attempt_id": "a", "code": "c", "reason": "r"},
        {"type": "hello", "id": "f4", "model": "Pixel", "app": {"name": "a", "version": "1"}},
    ],
    "pairDevice": {
        "code": "12345678",
        "name": "Desk",
        "model": "Pixel",
        "kind": "android",
        "app": {"name": "agent", "version": "1"},
        "sims": [{"slot": 1, "number": "+6581230000", "carrier": "Example"}],
    },
}
# Operation -> fields without which a made-up body hardly ever gets far.
FITTING = {
    "createRule": RULE | {"addToGroup": None},
    "replaceRule": {"name": "Hours", "matchType": "any", "addToGroup": None},
    "updateRule": {"addToGroup": None, "forwardTo": None, "webhook": None},
    "testRules": {"at": None},
    "createContact": {"number": "+6581239999", "groups": []},
    "updateContact": {"number": "+6581239999", "groups": []},
    "optOut": {"number": "+6581239999"},
    "setWebhook": ENDPOINT,
    "createEndpoint": ENDPOINT,
    "updateEndpoint": ENDPOINT,
    "updateSettings": {"defaultCountry": "SG", "timeZone": "Asia/Singapore"},
    "sendMessage": {"to": "+6581230000", "text": "Hello", "deviceId": None, "ttl": None},
    "previewMessage": {"to": "+6581230000"},
    "pairDevice": {"code": "12345678"},
}
EXAMPLES = 30
OURS = {"Authorization", "Content-Length", "Host"}  # headers that are not made up
DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.fixture
def device(settings):
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
    return DeviceFactory()


@pytest.fixture
def ids(device):
    """Values for path parameters that lead somewhere."""
    ids = {parameter: kind.make(device) for parameter, kind in ID_KINDS.items()}
    ingress = IngressFactory(tenant=device.tenant, requests_per_minute=60_000)
    return ids | {"token": ingress.secret_token}


def ids_for(operation, ids: dict[str, str]) -> dict[str, str]:
    """`ids`; to an ingress one posts by its token."""
    is_by_token = operation.definition.raw["operationId"] == "postToIngress"
    return ids | {"ingress_id": ids["token"]} if is_by_token else ids


class Caller:
    """A tenant's program; it sends anything, and knows what must never come back."""

    def __init__(self, device) -> None:
        self._client = Client(raise_request_exception=False)
        self._key = bearer(device.tenant)
        self._token = {"Authorization": f"Bearer {token_of(device)}"}

    def __call__(self, method: str, path: str, body: bytes | str, headers: dict[str, str]) -> int:
        """The status of one request, which must not be a server error."""
        content_type = headers.pop("Content-Type", "")
        key = self._token if path.startswith("/v1/device/frames") else self._key
        answer = self._client.generic(
            method, path, body, content_type=content_type, headers=key | headers
        )
        try:
            assert answer.status_code < 500
            if answer.status_code >= 400:
                envelope = answer.json()
                assert answer["Content-Type"] == "application/json"
                assert set(envelope) - {"issues", "tried"} == {"error", "message", "requestId"}
                assert envelope["requestId"] == answer["X-Request-Id"]
        except AssertionError as error:
            error.add_note(f"{method} {path[:500]}\n{headers}\n{body[:500]!r}")
            error.add_note(f"answer: {answer.content[:500]!r}")
            raise
        return answer.status_code


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_generated_request_is_no_server_error(operation, mode, device, ids):
    call, tried, ids = Caller(device), set(), ids_for(operation, ids)

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), leads_somewhere=st.booleans())
    def send(case, leads_somewhere) -> None:
        if leads_somewhere:
            case.path_parameters.update({name: ids[name] for name in case.path_parameters})
            if isinstance(case.body, dict):
                case.body |= FITTING.get(operation.definition.raw["operationId"], {})
        request = requests.Request(**case.as_transport_kwargs(base_url="http://localhost"))
        prepared = request.prepare()
        headers = {name: value for name, value in prepared.headers.items() if name not in OURS}
        tried.add(call(prepared.method, prepared.path_url, prepared.body or b"", headers))

    send()
    assert len(tried) > 0


def mutations(body: dict[str, Any] | list[dict[str, Any]]) -> Iterator[tuple[str, bytes, str]]:
    """(what was done to the body, its bytes, content type)."""
    plain, as_json = json.dumps(body).encode(), "application/json"
    name = json.dumps(next(iter(body))).encode()
    yield "as it is", plain, as_json
    yield "empty", b"", as_json
    yield "cut off", plain[:-1], as_json
    yield "twice", plain * 2, as_json
    yield "with a byte order mark", b"\xef\xbb\xbf" + plain, as_json
    for charset in ("utf-16", "utf-16-le", "utf-32", "utf-7", "cp037"):
        yield f"in {charset}", json.dumps(body).encode(charset), f"{as_json}; charset={charset}"
    yield "with another charset's name", plain, f"{as_json}; charset=klingon"
    yield "with bytes that are no UTF-8", plain.replace(b"e", b"\xff"), as_json
    yield "with duplicate keys", b"{" + name + b": null, " + plain[1:], as_json
    yield "an array", b"[" + plain + b"]", as_json
    numbers = {"1e400": b"1e400", "-1e400": b"-1e400", "5,000 digits": b"9" * 5000}
    numbers |= {"NaN": b"NaN", "-Infinity": b"-Infinity", "1e-400": b"1e-400", "-0": b"-0"}
    for what, value in (numbers | {"nested without end": DEEP, "true": b"true"}).items():
        yield f"its first field {what}", b"{" + name + b": " + value + b"}", as_json
        yield f"an unknown field {what}", b'{"zz": ' + value + b", " + plain[1:], as_json
        yield (
            f"an unknown field {what}, with NUL",
            b'{"zz": ' + value + rb', "\u0000": 1, ' + plain[1:],
            as_json,
        )
    for place in string_places(body):
        for what, text in (
            ("NUL", r"\u0000"),
            ("half an emoji", r"\ud83d"),
            ("the rest", r"\ude00"),
        ):
            marked = json.dumps(replaced(body, place, "MARK")).replace("MARK", f"a{text}b")
            yield f"{what} in {place}", marked.encode(), as_json
        raw = json.dumps(replaced(body, place, "MARK")).encode()
        yield f"a raw NUL in {place}", raw.replace(b"MARK", b"\x00"), as_json
        yield f"a raw surrogate in {place}", raw.replace(b"MARK", b"\xed\xa0\x80"), as_json
        yield f"a megabyte in {place}", raw.replace(b"MARK", b"x" * 999_000), as_json


def string_places(value: Any, place: tuple = ()) -> Iterator[tuple]:
    """The path of every string in `value`."""
    if isinstance(value, str):
        yield place
    elif isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from string_places(child, (*place, key))


def replaced(value: Any, place: tuple, text: str) -> Any:
    """A copy of `value` with `text` at `place`."""
    if not place:
        return text
    copy = value.copy()
    copy[place[0]] = replaced(value[place[0]], place[1:], text)
    return copy


WITH_BODY = [operation for operation in OPERATIONS if operation.definition.raw.get("requestBody")]


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.label)
def test_mutilated_body_is_no_server_error(operation, device, ids):
    name = operation.definition.raw["operationId"]
    assert name in BODIES, f"Add a body with every string field of {name!r} to BODIES."
    call, path = Caller(device), operation.path.format(**ids_for(operation, ids))
    for what, body, content_type in mutations(BODIES[name]):
        try:
            call(operation.method.upper(), path, body, {"Content-Type": content_type})
        except AssertionError as error:
            error.add_note(what)
            raise


ODD_VALUES = [
    "",
    " ",
    "Bearer sk_live_" + "\xff" * 40,
    "\x00",
    "é" * 40,
    "\xff\xfe",
    "x" * 20_000,
    "a,b;c=d",
    '"',
    "%00",
    "::1%eth0",
]
HEADERS = ["Authorization", "Idempotency-Key", "X-Request-Id", "X-Forwarded-For", "Host", "Accept"]
HEADERS += ["Content-Type", "Cookie", "Range", "If-None-Match", "X-Forwarded-Proto", "Origin"]


@pytest.mark.parametrize("header", HEADERS)
def test_odd_header_is_no_server_error(header, device, settings):
    settings.TRUSTED_PROXY_COUNT = 1
    call, body = Caller(device), json.dumps({"to": "+6581230000", "text": "Hello"})
    for value in ODD_VALUES:
        headers = {"Content-Type": "application/json"} | {header: value}
        for path in ("/v1/messages", "/v1/device/pair", "/v1/nothing"):
            call("POST", path, body, headers.copy())
