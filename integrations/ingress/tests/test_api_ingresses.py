"""`/v1/ingress`: make, show, change, delete, and who sees the URL."""

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.api.times import iso
from accounts.models import AuditEntry
from accounts.tests.factories import bearer
from devices.tests.factories import DeviceFactory
from integrations.ingress.models import Ingress
from integrations.ingress.tests.factories import IngressFactory
from messaging.tests.threads import at_once

SEED = {"name": "Order system", "preset": "generic"}
MAPPED = SEED | {
    "toPath": "customer.phone",
    "textPath": "notification.body",
    "refPath": "invoiceId",
}


def issues_of(answer) -> list[tuple[str, str]]:
    assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")
    return [(issue["path"], issue["code"]) for issue in answer.json()["issues"]]


def shown(ingress: Ingress, url: str, **changes) -> dict:
    """The ingress of SEED as the API shows it."""
    return {
        "id": ingress.external_id,
        "name": "Order system",
        "preset": "generic",
        "url": url,
        "enabled": True,
        "toPath": None,
        "textPath": None,
        "refPath": None,
        "textTemplate": None,
        "paths": {"to": ["to"], "text": ["text"], "ref": ["ref"]},
        "signed": False,
        "signingHeader": "X-Webhook-Signature",
        "outboundUrl": None,
        "oncePerRef": False,
        "requestsPerMinute": 600,
        "createdAt": iso(ingress.created_at),
        "lastUsedAt": None,
    } | changes


def test_created_ingress_is_shown_with_a_url_that_works(client, call):
    answer = call("POST", "/v1/ingress", SEED)
    ingress, url = Ingress.objects.get(), answer.json()["url"]
    assert (answer.status_code, answer.json()) == (201, shown(ingress, url))
    base, _, token = url.rpartition("/")
    assert (base, token[:3], len(token)) == (f"{settings.PUBLIC_URL}/v1/ingress", "ig_", 46)
    text = {"to": "+6581230000", "text": "Hello"}
    assert client.post(f"/v1/ingress/{token}", text, "application/json").status_code == 202


def test_token_and_secret_are_not_stored_in_the_clear(call):
    url = call("POST", "/v1/ingress", SEED | {"signingSecret": "hush-hush"}).json()["url"]
    (row,) = Ingress.objects.values()
    token = url.rpartition("/")[2]
    assert [text for text in map(str, row.values()) if token in text or "hush" in text] == []


def test_put_of_the_seed_maps_the_paths_and_keeps_the_rest(call, ingress):
    Ingress.objects.update(signing_secret="x", outbound_url="https://example.com/")
    answer = call("PUT", f"/v1/ingress/{ingress.external_id}", MAPPED)
    fields = ("toPath", "textPath", "refPath", "signed", "outboundUrl")
    assert (answer.status_code, [answer.json()[field] for field in fields]) == (
        200,
        ["customer.phone", "notification.body", "invoiceId", True, "https://example.com/"],
    )
    assert answer.json()["paths"] == {
        "to": ["customer.phone"],
        "text": ["notification.body"],
        "ref": ["invoiceId"],
    }


EVERYTHING = {
    "name": "Shop",
    "preset": "odoo",
    "toPath": "$.a[0]",
    "textPath": "b",
    "refPath": "c.d",
    "textTemplate": "Dear {{name}}",
    "signingSecret": "whsec_abc",
    "signingHeader": "X-Shop-Signature",
    "outboundUrl": "https://example.com/in",
    "oncePerRef": True,
    "requestsPerMinute": 30,
    "enabled": False,
}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_everything_may_be_changed_and_what_is_shown_may_be_put_back(call, ingress, method):
    path = f"/v1/ingress/{ingress.external_id}"
    changed = call(method, path, EVERYTHING).json()
    assert {name: changed.get(name) for name in EVERYTHING} == EVERYTHING | {"signingSecret": None}
    assert (changed["signed"], changed["paths"]["text"]) == (True, ["name"])
    entries = AuditEntry.objects.count()
    assert call(method, path, changed).json() == changed
    assert AuditEntry.objects.count() == entries


def test_null_takes_away_what_was_set(call, ingress):
    path = f"/v1/ingress/{ingress.external_id}"
    url = call("PATCH", path, EVERYTHING).json()["url"]
    nothing = dict.fromkeys(
        ["toPath", "textPath", "refPath", "textTemplate", "signingSecret", "outboundUrl"]
    )
    rest = {"enabled": True, "oncePerRef": False, "requestsPerMinute": 600, "signingHeader": None}
    answer = call("PATCH", path, SEED | nothing | rest)
    assert answer.json() == shown(ingress, url)


def test_change_of_nothing_changes_nothing(call, ingress):
    before = Ingress.objects.values().get()
    assert call("PUT", f"/v1/ingress/{ingress.external_id}", {}).status_code == 200
    assert Ingress.objects.values().get() == before


@pytest.mark.parametrize(
    ("changes", "issues"),
    [
        ({"name": ""}, [("name", "invalid_value")]),
        ({"name": "  "}, [("name", "invalid_length")]),
        ({"name": "x" * 101}, [("name", "invalid_value")]),
        ({"name": None}, [("name", "invalid_type")]),
        ({"preset": "sap"}, [("preset", "unknown_preset")]),
        ({"toPath": "a..b"}, [("toPath", "invalid_path")]),
        ({"textPath": "$..*..*"}, [("textPath", "invalid_path")]),
        ({"refPath": "x" * 201}, [("refPath", "invalid_path")]),
        (
            {"toPath": "$.", "refPath": "."},
            [("toPath", "invalid_path"), ("refPath", "invalid_path")],
        ),
        ({"textTemplate": " "}, [("textTemplate", "invalid_length")]),
        ({"textTemplate": "x" * 1601}, [("textTemplate", "invalid_length")]),
        ({"textTemplate": "{{a"}, [("textTemplate", "invalid_template")]),
        ({"textTemplate": "{% if a %}"}, [("textTemplate", "invalid_template")]),
        ({"textTemplate": "{{{a}}}"}, [("textTemplate", "invalid_template")]),
        ({"textTemplate": "{{#if a}}"}, [("textTemplate", "invalid_path")]),
        ({"textTemplate": "{{a|upper}}"}, [("textTemplate", "invalid_path")]),
        ({"textTemplate": "{{}}"}, [("textTemplate", "invalid_path")]),
        ({"textTemplate": "{{$..a}}"}, [("textTemplate", "invalid_path")]),
        ({"signingSecret": "x" * 256}, [("signingSecret", "invalid_length")]),
        ({"signingHeader": "X Signature"}, [("signingHeader", "invalid_header")]),
        ({"signingHeader": "X-Sig\r\nX: y"}, [("signingHeader", "invalid_header")]),
        ({"signingHeader": "X_Signature"}, [("signingHeader", "invalid_header")]),
        ({"signingHeader": ""}, [("signingHeader", "invalid_header")]),
        ({"signingHeader": "x" * 101}, [("signingHeader", "invalid_header")]),
        ({"outboundUrl": "ftp://example.com"}, [("outboundUrl", "invalid_url")]),
        ({"outboundUrl": "http://127.0.0.1/"}, [("outboundUrl", "invalid_url")]),
        ({"requestsPerMinute": 0}, [("requestsPerMinute", "invalid_value")]),
        ({"requestsPerMinute": 60_001}, [("requestsPerMinute", "invalid_value")]),
        ({"enabled": "yes"}, [("enabled", "invalid_type")]),
    ],
)
def test_refusal_names_the_field(call, ingress, changes, issues):
    before = Ingress.objects.values().get()
    assert issues_of(call("POST", "/v1/ingress", SEED | changes)) == issues
    assert issues_of(call("PATCH", f"/v1/ingress/{ingress.external_id}", changes)) == issues
    assert Ingress.objects.values().get() == before


def test_unknown_preset_is_told_the_six(call):
    (issue,) = call("POST", "/v1/ingress", SEED | {"preset": "sap"}).json()["issues"]
    assert issue["message"] == (
        "preset is one of generic, zoho, salesforce, dynamics, odoo, netsuite."
    )


@pytest.mark.parametrize("field", ["name", "preset"])
def test_new_ingress_needs_a_name_and_a_preset(call, field):
    body = {name: value for name, value in SEED.items() if name != field}
    assert issues_of(call("POST", "/v1/ingress", body)) == [(field, "required")]


def test_key_that_only_reads_sees_a_masked_url(call, ingress):
    reader = bearer(ingress.tenant, scopes=("ingress:read",))
    masked = f"{settings.PUBLIC_URL}/v1/ingress/ig_****"
    one = call("GET", f"/v1/ingress/{ingress.external_id}", headers=reader)
    (row,) = call("GET", "/v1/ingress", headers=reader).json()["data"]
    assert one.json() == row == shown(ingress, masked)
    (row,) = call("GET", "/v1/ingress").json()["data"]
    assert row["url"] == f"{settings.PUBLIC_URL}/v1/ingress/{ingress.secret_token}"


@pytest.mark.parametrize(
    ("method", "below", "scope"),
    [
        ("GET", "", "ingress:write"),
        ("GET", "/ID", "ingress:write"),
        ("GET", "/ID/payloads", "ingress:write"),
        ("POST", "/ID/dry-run", "ingress:write"),
        ("POST", "", "ingress:read"),
        ("PUT", "/ID", "ingress:read"),
        ("PATCH", "/ID", "ingress:read"),
        ("DELETE", "/ID", "ingress:read"),
        ("POST", "/ID/rotate-token", "ingress:read"),
    ],
)
def test_other_scope_is_not_enough(call, ingress, method, below, scope):
    key = bearer(ingress.tenant, scopes=(scope, "messages:send"))
    path = "/v1/ingress" + below.replace("ID", ingress.external_id)
    assert call(method, path, SEED, headers=key).json()["error"] == "forbidden"


def test_rotated_token_dies_at_once(call, post, ingress):
    text = {"to": "+6581230000", "text": "Hello"}
    url = call("POST", f"/v1/ingress/{ingress.external_id}/rotate-token").json()["url"]
    assert post(text).status_code == 404
    assert post(text, token=url.rpartition("/")[2]).status_code == 202


def test_deleted_ingress_is_gone_with_its_log(call, post, ingress):
    text = {"to": "+6581230000", "text": "Hello"}
    post(text)
    path = f"/v1/ingress/{ingress.external_id}"
    assert call("DELETE", path).status_code == 204
    assert (call("GET", path).status_code, post(text).status_code) == (404, 404)
    assert Ingress.objects.count() == 0


def test_changes_are_in_the_audit_log_without_secrets(call):
    url = call("POST", "/v1/ingress", SEED | {"signingSecret": "hush"}).json()
    path = f"/v1/ingress/{url['id']}"
    call("PATCH", path, {"signingSecret": "hush2", "name": "Shop"})
    call("POST", f"{path}/rotate-token")
    call("DELETE", path)
    rows = AuditEntry.objects.filter(action__startswith="ingress.").order_by("pk")
    assert list(rows.values_list("action", "target", "detail")) == [
        ("ingress.created", url["id"], {"name": "Order system", "preset": "generic"}),
        ("ingress.updated", url["id"], {"name": "Shop", "fields": ["name", "signing_secret"]}),
        ("ingress.token_rotated", url["id"], {"name": "Shop"}),
        ("ingress.deleted", url["id"], {"name": "Shop"}),
    ]


def test_list_is_of_the_tenant_and_oldest_first(call, ingress):
    second = IngressFactory(tenant=ingress.tenant)
    IngressFactory()
    data = call("GET", "/v1/ingress").json()["data"]
    assert [row["id"] for row in data] == [ingress.external_id, second.external_id]


@pytest.mark.parametrize("path", ["/v1/ingress", "/v1/ingress/ID/payloads"])
def test_lists_ask_the_database_as_often_for_many_rows(call, post, ingress, path):
    path = path.replace("ID", ingress.external_id)
    call("GET", path)
    counts = []
    for more in (1, 3):
        for _ in range(more):
            IngressFactory(tenant=ingress.tenant)
            post({})
        with CaptureQueriesContext(connection) as queries:
            assert call("GET", path).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 2


def test_fifty_first_ingress_is_a_conflict(call, device):
    IngressFactory.create_batch(49, tenant=device.tenant)
    IngressFactory()
    assert [call("POST", "/v1/ingress", SEED).status_code for _ in range(2)] == [201, 409]


@pytest.mark.django_db(transaction=True)
def test_of_two_that_come_at_once_only_one_is_the_fiftieth():
    tenant = DeviceFactory().tenant
    IngressFactory.create_batch(49, tenant=tenant)
    headers = bearer(tenant)

    def create() -> int:
        return Client().post("/v1/ingress", SEED, "application/json", headers=headers).status_code

    assert sorted(at_once(create, create)) == [201, 409]
    assert Ingress.objects.count() == 50
