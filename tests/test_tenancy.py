"""No way from one tenant to another: every route, method and id, taken from the resolver itself.

A new route below `/v1/` joins by itself. What these tables lack, a failing test asks for by name.
"""

import json
import re
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

from accounts.ids import encode_id, new_id
from accounts.tests.factories import bearer
from devices.models import Device
from devices.tests.factories import DeviceFactory
from messaging.models import Message
from messaging.tests.factories import MessageFactory

pytestmark = pytest.mark.django_db

# Path parameter -> (a new row of the device's tenant as its public id, the prefix of such ids).
OBJECTS = {
    "device_id": (lambda device: device.external_id, Device.ID_PREFIX),
    "message_id": (lambda device: message_of(device).external_id, Message.ID_PREFIX),
}
# (method, route) -> a body with which the owner's own request succeeds; without an entry: none.
BODIES = {("PATCH", "/v1/devices/<device_id>"): {"nickname": "Stolen", "status": "paused"}}
# Operation -> a request that names a device by its id; what it answers must not tell of others'.
TEXT = {"to": "+6581230000", "text": "Hello", "queueIfOffline": True}
IDS_ELSEWHERE = {
    ("sendMessage", "deviceId"): lambda call, device_id: call(
        "POST", "/v1/messages", TEXT | {"deviceId": device_id}
    ),
    ("sendBatch", "deviceId"): lambda call, device_id: call(
        "POST", "/v1/messages/batch", {"messages": [TEXT | {"deviceId": device_id}]}
    ),
    ("listMessages", "deviceId"): lambda call, device_id: call(
        "GET", f"/v1/messages?deviceId={device_id}"
    ),
}
# Operation with a cursor -> (path of the list, a new row in it).
LISTS = {"listMessages": ("/v1/messages", lambda device: message_of(device))}


def message_of(device: Device) -> Message:
    return MessageFactory(device=device, tenant=device.tenant)


def routes(patterns=None, prefix: str = "/") -> list[tuple[str, str]]:
    """(method, route) of everything below `/v1/` that has a parameter in its path."""
    found = []
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + re.sub(r"<\w+:", "<", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            found += routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith("/v1/") and "<" in route:
            view = pattern.callback.view_class
            methods = {"GET", "POST", "PUT", "PATCH", "DELETE"}
            found += [(name, route) for name in sorted(methods) if hasattr(view, name.lower())]
    return found


def operations() -> list[dict[str, Any]]:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    known = schema["components"]["schemas"]
    return [
        operation | {"names": names_in(operation, known)}
        for path in schema["paths"].values()
        for operation in path.values()
    ]


def names_in(operation: dict[str, Any], known: dict[str, Any]) -> set[str]:
    """The names of all query parameters and body fields, whatever they are nested in."""
    parameters = operation.get("parameters", ())
    names = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
    waiting = [operation.get("requestBody", {})]
    seen = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            names |= set(part.get("properties", {}))
            waiting += part.values()
            reference = part.get("$ref")
            if isinstance(reference, str) and reference not in seen:
                seen.add(reference)
                waiting.append(known[reference.rpartition("/")[2]])
    return names


class Caller:
    """A tenant's program, with a key that may do everything."""

    def __init__(self, device: Device) -> None:
        self.device, self._headers = device, bearer(device.tenant)
        self._client = Client(raise_request_exception=False)
        self("GET", "/v1/messages?limit=1")  # from now on the key is known

    def __call__(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """(status, body without its request id)."""
        content = b"" if body is None else json.dumps(body).encode()
        answer = self._client.generic(
            method, path, content, "application/json", headers=self._headers
        )
        request_id = answer["X-Request-Id"]
        return answer.status_code, answer.content.decode().replace(request_id, "")


@pytest.fixture
def alice():
    return Caller(DeviceFactory())


@pytest.fixture
def charlie():
    return Caller(DeviceFactory(name="Charlie's phone"))


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables of ours."""
    ours = ("accounts", "devices", "messaging", "webhooks", "rules", "integrations")
    models = [model for model in apps.get_models() if model._meta.app_label in ours]
    return {str(model): list(model._default_manager.order_by("pk").values()) for model in models}


def fill(route: str, device: Device) -> tuple[str, str]:
    """`route` with ids of rows of the device's tenant, and with ids of the same kind of nobody."""
    theirs = nobodys = route
    for parameter in re.findall(r"<(\w+)>", route):
        if parameter not in OBJECTS:
            pytest.fail(
                f"{route} has a path parameter that this test does not know: add {parameter!r} to "
                "OBJECTS, with how a row of a tenant is made and the prefix of its ids."
            )
        make, prefix = OBJECTS[parameter]
        theirs = theirs.replace(f"<{parameter}>", make(device))
        nobodys = nobodys.replace(f"<{parameter}>", encode_id(prefix, new_id()))
    return theirs, nobodys


@pytest.mark.parametrize(("method", "route"), routes())
def test_anothers_id_is_as_unknown_as_nobodys(method, route, alice, charlie):
    theirs, nobodys = fill(route, charlie.device)
    body, before = BODIES.get((method, route)), everything()
    with CaptureQueriesContext(connection) as queries_for_theirs:
        answer = alice(method, theirs, body)
    with CaptureQueriesContext(connection) as queries_for_nobodys:
        assert answer == alice(method, nobodys, body)
    assert (answer[0], json.loads(answer[1])["error"]) == (404, "not_found")
    assert len(queries_for_theirs) == len(queries_for_nobodys)
    assert everything() == before


@pytest.mark.parametrize(("method", "route"), routes())
def test_the_same_request_of_the_owner_succeeds(method, route, charlie):
    theirs, _ = fill(route, charlie.device)
    status, answer = charlie(method, theirs, BODIES.get((method, route)))
    assert status // 100 == 2, f"{method} {route} needs a body that works in BODIES: {answer}"


@pytest.mark.parametrize(("method", "route"), routes())
@pytest.mark.parametrize("malformed", ["x", "0", "-1", "%00", "dev_", "msg_" + "z" * 22, "*"])
def test_what_cannot_be_an_id_is_unknown_too(method, route, malformed, alice):
    _, nobodys = fill(route, alice.device)
    body = BODIES.get((method, route))
    assert alice(method, re.sub("<.*?>", malformed, route), body) == alice(method, nobodys, body)


def test_every_id_in_a_body_or_a_query_is_covered():
    named = {
        (operation["operationId"], name)
        for operation in operations()
        for name in operation["names"]
        if re.search(r"Ids?$|^ids?$", name)
    }
    new = sorted(named - set(IDS_ELSEWHERE))
    assert not new, f"Add a request for each of these to IDS_ELSEWHERE: {new}"
    assert set(IDS_ELSEWHERE) <= named


@pytest.mark.parametrize("place", IDS_ELSEWHERE, ids=" ".join)
def test_anothers_id_in_a_body_or_a_query_is_as_unknown_as_nobodys(place, alice, charlie):
    message_of(charlie.device)
    ask, before = IDS_ELSEWHERE[place], everything()
    answers = [
        ask(alice, device_id)
        for device_id in (charlie.device.external_id, encode_id(Device.ID_PREFIX, new_id()))
    ]
    assert answers[0] == answers[1]
    assert everything() == before
    assert ask(charlie, charlie.device.external_id) != answers[0]


def test_every_list_with_a_cursor_is_covered():
    with_cursor = {
        operation["operationId"] for operation in operations() if "cursor" in operation["names"]
    }
    new = sorted(with_cursor - set(LISTS))
    assert not new, f"Add the path and a new row of each of these lists to LISTS: {new}"
    assert set(LISTS) <= with_cursor


@pytest.mark.parametrize("operation", LISTS)
def test_anothers_cursor_is_no_better_than_a_made_up_one(operation, alice, charlie):
    path, add = LISTS[operation]
    for caller in (alice, charlie, alice, charlie):
        add(caller.device)
    cursor = json.loads(charlie("GET", f"{path}?limit=1")[1])["nextCursor"]
    answer = alice("GET", f"{path}?limit=1&cursor={cursor}")
    assert answer == alice("GET", f"{path}?limit=1&cursor=nonsense")
    assert (answer[0], json.loads(answer[1])["issues"][0]["code"]) == (400, "invalid_cursor")
    assert charlie("GET", f"{path}?limit=1&cursor={cursor}")[0] == 200


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/devices"])
def test_a_list_shows_nothing_of_others(path, alice, charlie):
    message_of(charlie.device)
    shown = {row["id"] for row in json.loads(alice("GET", path)[1])["data"]}
    assert shown <= {alice.device.external_id}
