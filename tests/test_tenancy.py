"""No way from one tenant to another: every route, method and id, taken from the resolver itself.

A new route of an API joins by itself. What these tables lack, a failing test asks for by name.
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
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from accounts.api.times import iso
from accounts.tests.factories import bearer
from devices.models import Device
from devices.tests.factories import DeviceFactory
from integrations.ingress.tests.factories import IngressFactory
from messaging.tests.factories import ContactFactory, GroupFactory, OptOutFactory
from rules.tests.factories import RuleFactory
from tests.id_kinds import ID_KINDS, delivery_of, message_of, rule_run_of

pytestmark = pytest.mark.django_db

# The APIs in whose paths ids are tried; dialects tell errors in their own shape.
PREFIXES = ("/v1/", "/api/3rdparty/v1/")
# What a key does not authorise, but a token in the path (integrations/ingress/tests).
BY_TOKEN = [("POST", "/v1/ingress/<ingress_id>")]
# (method, route) -> a body with which the owner's own request succeeds; without an entry: none.
BODIES = {
    ("PATCH", "/v1/devices/<device_id>"): {"nickname": "Stolen", "status": "paused"},
    ("PATCH", "/v1/contacts/<contact_id>"): {"name": "Stolen"},
    ("PATCH", "/v1/groups/<group_id>"): {"name": "Stolen"},
    ("PUT", "/v1/rules/<rule_id>"): {"name": "Stolen", "matchType": "any"},
    ("PATCH", "/v1/rules/<rule_id>"): {"name": "Stolen", "enabled": False},
    ("PUT", "/v1/ingress/<ingress_id>"): {"name": "Stolen", "enabled": False},
    ("PATCH", "/v1/ingress/<ingress_id>"): {"name": "Stolen", "enabled": False},
    ("PATCH", "/v1/webhooks/endpoints/<endpoint_id>"): {"name": "Stolen", "state": "paused"},
    ("POST", "/v1/webhooks/endpoints/<endpoint_id>/replay"): {"since": iso(timezone.now())},
    ("POST", "/v1/ingress/<ingress_id>/dry-run"): {"payload": {"to": "+6581230000"}},
}
TEXT = {"to": "+6581230000", "text": "Hello", "queueIfOffline": True}
RULE = {"name": "Hours", "matchType": "any"}
# (operation, field) -> (the kind of the id that is in it, a request of a tenant with such an id);
# what it answers must not tell of others' rows. The tenant has a message, a contact, an ingress
# and a rule.
IDS_ELSEWHERE = {
    ("sendMessage", "deviceId"): (
        "device_id",
        lambda call, device_id: call("POST", "/v1/messages", TEXT | {"deviceId": device_id}),
    ),
    ("sendBatch", "deviceId"): (
        "device_id",
        lambda call, device_id: call(
            "POST", "/v1/messages/batch", {"messages": [TEXT | {"deviceId": device_id}]}
        ),
    ),
    ("listMessages", "deviceId"): (
        "device_id",
        lambda call, device_id: call("GET", f"/v1/messages?deviceId={device_id}"),
    ),
    ("listContacts", "groupId"): (
        "group_id",
        lambda call, group_id: call("GET", f"/v1/contacts?groupId={group_id}"),
    ),
    ("createContact", "groups"): (
        "group_id",
        lambda call, group_id: call(
            "POST", "/v1/contacts", {"number": "+6581239999", "groups": [group_id]}
        ),
    ),
    ("updateContact", "groups"): (
        "group_id",
        lambda call, group_id: call(
            "PATCH",
            f"/v1/contacts/{call.device.tenant.contacts.first().external_id}",
            {"groups": [group_id]},
        ),
    ),
    ("createRule", "addToGroup"): (
        "group_id",
        lambda call, group_id: call("POST", "/v1/rules", RULE | {"addToGroup": group_id}),
    ),
    ("replaceRule", "addToGroup"): (
        "group_id",
        lambda call, group_id: call("PUT", own_rule(call), RULE | {"addToGroup": group_id}),
    ),
    ("updateRule", "addToGroup"): (
        "group_id",
        lambda call, group_id: call("PATCH", own_rule(call), {"addToGroup": group_id}),
    ),
    ("reorderRules", "ids"): (
        "rule_id",
        lambda call, rule_id: call("POST", "/v1/rules/reorder", {"ids": [rule_id]}),
    ),
    ("listRuleRuns", "ruleId"): (
        "rule_id",
        lambda call, rule_id: call("GET", f"/v1/rules/runs?ruleId={rule_id}"),
    ),
    ("listDeliveries", "endpointId"): (
        "endpoint_id",
        lambda call, endpoint_id: call("GET", f"/v1/webhooks/deliveries?endpointId={endpoint_id}"),
    ),
    ("dryRunIngress", "payloadId"): (
        "payload_id",
        lambda call, payload_id: call(
            "POST",
            f"/v1/ingress/{call.device.tenant.ingresses.first().external_id}/dry-run",
            {"payloadId": payload_id},
        ),
    ),
}
# Operation with a cursor -> (path of the list, a new row in it).
LISTS = {
    "listMessages": ("/v1/messages", message_of),
    "listContacts": ("/v1/contacts", lambda device: ContactFactory(tenant=device.tenant)),
    "listGroups": ("/v1/groups", lambda device: GroupFactory(tenant=device.tenant)),
    "listRuleRuns": ("/v1/rules/runs", rule_run_of),
    "listDeliveries": ("/v1/webhooks/deliveries", delivery_of),
    "listOptOuts": ("/v1/opt-outs", lambda device: OptOutFactory(tenant=device.tenant)),
}


def own_rule(call: "Caller") -> str:
    """The path of the caller's first rule."""
    return f"/v1/rules/{call.device.tenant.rules.first().external_id}"


def routes(patterns=None, prefix: str = "/") -> list[tuple[str, str]]:
    """(method, route) of everything below PREFIXES that has a parameter in its path."""
    found = []
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + re.sub(r"<\w+:", "<", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            found += routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith(PREFIXES) and "<" in route:
            view = pattern.callback.view_class
            methods = {"GET", "POST", "PUT", "PATCH", "DELETE"}
            found += [(name, route) for name in sorted(methods) if hasattr(view, name.lower())]
    return [place for place in found if place not in BY_TOKEN]


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
    ours = (
        "accounts",
        "devices",
        "messaging",
        "webhooks",
        "rules",
        "ingress",
        "smsgate",
        "smsgate_api",
    )
    models = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in ours
    ]
    return {str(model): list(model._default_manager.order_by("pk").values()) for model in models}


def is_unknown(answer: tuple[int, str], route: str) -> bool:
    """Whether that is what is said of ids that nobody has."""
    told = json.loads(answer[1])
    if route.startswith("/v1/"):
        return (answer[0], told["error"]) == (404, "not_found")
    return (answer[0], told) == (404, {"message": "There is no such resource."})


def parameters_of(route: str) -> list[str]:
    """The path parameters of `route`."""
    parameters = re.findall(r"<(\w+)>", route)
    for parameter in parameters:
        if parameter not in ID_KINDS:
            pytest.fail(f"{route}: add the kind of {parameter!r} to ID_KINDS (tests/id_kinds.py).")
    return parameters


def filled(route: str, ids: dict[str, str]) -> str:
    """`route` with `ids` in it, by path parameter."""
    return re.sub(r"<(\w+)>", lambda match: ids[match[1]], route)


def ids_of(route: str, device: Device) -> dict[str, str]:
    """Ids of new rows of the device's tenant, for each parameter of `route`."""
    return {parameter: ID_KINDS[parameter].make(device) for parameter in parameters_of(route)}


def ids_of_nobody(route: str) -> dict[str, str]:
    return {parameter: ID_KINDS[parameter].nobodys() for parameter in parameters_of(route)}


@pytest.mark.parametrize(("method", "route"), routes())
def test_anothers_id_is_as_unknown_as_nobodys(method, route, alice, charlie):
    theirs, nobodys = ids_of(route, charlie.device), ids_of_nobody(route)
    body, before = BODIES.get((method, route)), everything()
    with CaptureQueriesContext(connection) as queries_for_theirs:
        answer = alice(method, filled(route, theirs), body)
    with CaptureQueriesContext(connection) as queries_for_nobodys:
        assert answer == alice(method, filled(route, nobodys), body)
    assert is_unknown(answer, route)
    assert len(queries_for_theirs) == len(queries_for_nobodys)
    assert everything() == before


@pytest.mark.parametrize(
    ("method", "route"), [(method, route) for method, route in routes() if route.count("<") > 1]
)
def test_anothers_id_beside_an_own_one_is_as_unknown_as_nobodys(method, route, alice, charlie):
    own, theirs, nobodys = (
        ids_of(route, alice.device),
        ids_of(route, charlie.device),
        ids_of_nobody(route),
    )
    body, before = BODIES.get((method, route)), everything()
    for parameter in own:
        answer = alice(method, filled(route, own | {parameter: theirs[parameter]}), body)
        assert is_unknown(answer, route)
        mixed = filled(route, own | {parameter: nobodys[parameter]})
        assert answer == alice(method, mixed, body)
    assert everything() == before


@pytest.mark.parametrize(("method", "route"), routes())
def test_the_same_request_of_the_owner_succeeds(method, route, charlie):
    own = filled(route, ids_of(route, charlie.device))
    status, answer = charlie(method, own, BODIES.get((method, route)))
    assert status // 100 == 2, f"{method} {route} needs a body that works in BODIES: {answer}"


@pytest.mark.parametrize(("method", "route"), routes())
@pytest.mark.parametrize("malformed", ["x", "0", "-1", "%00", "dev_", "msg_" + "z" * 22, "*"])
def test_what_cannot_be_an_id_is_unknown_too(method, route, malformed, alice):
    nobodys = filled(route, ids_of_nobody(route))
    body = BODIES.get((method, route))
    assert alice(method, re.sub("<.*?>", malformed, route), body) == alice(method, nobodys, body)


def test_every_id_in_a_body_or_a_query_is_covered():
    named = {
        (operation["operationId"], name)
        for operation in operations()
        for name in operation["names"]
        if re.search(r"Ids?$|^ids?$|^groups$|^addToGroup$", name)
    }
    new = sorted(named - set(IDS_ELSEWHERE))
    assert not new, f"Add a request for each of these to IDS_ELSEWHERE: {new}"
    assert set(IDS_ELSEWHERE) <= named


@pytest.mark.parametrize("place", IDS_ELSEWHERE, ids=" ".join)
def test_anothers_id_in_a_body_or_a_query_is_as_unknown_as_nobodys(place, alice, charlie):
    kind, ask = IDS_ELSEWHERE[place]
    for caller in (alice, charlie):
        message_of(caller.device)
        ContactFactory(tenant=caller.device.tenant)
        IngressFactory(tenant=caller.device.tenant)
        RuleFactory(tenant=caller.device.tenant)
    theirs, nobodys = ID_KINDS[kind].make(charlie.device), ID_KINDS[kind].nobodys()
    before = everything()
    answers = [ask(alice, theirs), ask(alice, nobodys)]
    assert answers[0] == answers[1]
    assert everything() == before
    assert ask(charlie, theirs) != answers[0]


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


@pytest.mark.parametrize("operation", LISTS)
def test_a_list_shows_nothing_of_others(operation, alice, charlie):
    path, add = LISTS[operation]
    add(charlie.device)
    assert json.loads(alice("GET", path)[1])["data"] == []


def test_the_list_of_devices_shows_nothing_of_others(alice, charlie):
    shown = [row["id"] for row in json.loads(alice("GET", "/v1/devices")[1])["data"]]
    assert shown == [alice.device.external_id]
