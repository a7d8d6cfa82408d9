"""`/v1/opt-outs` as clients see it; what an opt-out does is tested with its service."""

import pytest
from django.core import signing

from accounts.api.lists import CURSOR_SALT
from accounts.api.times import iso
from accounts.services.api_keys import SCOPES
from accounts.tests.factories import bearer
from devices.tests.factories import DeviceFactory
from messaging.models import OptOut
from messaging.tests.factories import MessageFactory, OptOutFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def device():
    return DeviceFactory()


@pytest.fixture
def tenant(device):
    return device.tenant


@pytest.fixture
def listed(client, tenant):
    headers = bearer(tenant)
    return lambda **query: client.get("/v1/opt-outs", query, headers=headers)


@pytest.fixture
def post(client, tenant):
    headers = bearer(tenant)
    return lambda body: client.post("/v1/opt-outs", body, "application/json", headers=headers)


@pytest.fixture
def delete(client, tenant):
    headers = bearer(tenant)
    return lambda number: client.delete(f"/v1/opt-outs/{number}", headers=headers)


def test_post_opts_a_number_out_once(post, tenant):
    first, again = post({"number": "8123 0000"}), post({"number": "+6581230000"})
    row = OptOut.objects.get()
    shown = {"number": "+6581230000", "source": "api", "createdAt": iso(row.created_at)}
    assert (first.status_code, first.json()) == (201, shown)
    assert (again.status_code, again.json()) == (200, shown)
    assert row.tenant == tenant


def test_post_keeps_where_an_earlier_opt_out_came_from(post, tenant):
    OptOutFactory(tenant=tenant, number="+6581230000")
    answer = post({"number": "+6581230000"})
    assert (answer.status_code, answer.json()["source"]) == (200, "keyword")


def test_number_that_opted_out_gets_nothing_more(post, client, device):
    waiting = MessageFactory(device=device, recipient="+6581230000")
    post({"number": "+6581230000"})
    waiting.refresh_from_db()
    body = {"to": "+6581230000", "text": "Hello"}
    headers = bearer(device.tenant)
    answer = client.post("/v1/messages", body, "application/json", headers=headers)
    assert (waiting.status, answer.status_code, answer.json()["error"]) == (
        "failed",
        400,
        "recipient_opted_out",
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required"),
        ({"number": "DBS-Bank"}, "invalid_phone_number"),
        ({"number": ""}, "invalid_phone_number"),
        ({"number": 6581230000}, "invalid_type"),
    ],
)
def test_post_names_what_is_wrong(post, body, code):
    answer = post(body)
    (issue,) = answer.json()["issues"]
    assert (answer.status_code, issue["path"], issue["code"]) == (400, "number", code)
    assert OptOut.objects.count() == 0


@pytest.mark.parametrize("written", ["%2B6581230000", "+6581230000", "81230000", "8123%200000"])
def test_delete_lets_a_number_in_again(delete, tenant, written):
    OptOutFactory(tenant=tenant, number="+6581230000")
    kept = OptOutFactory(number="+6581230000")
    answer = delete(written)
    assert (answer.status_code, answer.content) == (204, b"")
    assert OptOut.objects.get() == kept
    assert delete(written).status_code == 404


def test_delete_of_a_name_that_cannot_be_dialled(delete, tenant):
    OptOutFactory(tenant=tenant, number="DBS-Bank")
    assert [delete("DBS-Bank").status_code for _ in range(2)] == [204, 404]


@pytest.mark.parametrize("number", ["x", "%00", "+", "%2B65", "9" * 300])
def test_delete_of_what_is_no_number_is_not_found(delete, number):
    assert (delete(number).status_code, delete(number).json()["error"]) == (404, "not_found")


def test_list_is_newest_first_in_pages(listed, tenant):
    newest_first = [OptOutFactory(tenant=tenant) for _ in range(3)][::-1]
    OptOutFactory()
    page = listed(limit=2).json()
    rest = listed(limit=2, cursor=page["nextCursor"]).json()
    assert page["data"] + rest["data"] == [
        {"number": row.number, "source": "keyword", "createdAt": iso(row.created_at)}
        for row in newest_first
    ]
    assert (len(page["data"]), rest["nextCursor"]) == (2, None)


def test_list_can_be_asked_for_one_number(listed, tenant):
    OptOutFactory(tenant=tenant)
    OptOutFactory(tenant=tenant, number="+6581230000")
    assert [row["number"] for row in listed(number="81230000").json()["data"]] == ["+6581230000"]
    assert listed(number="nobody").json()["data"] == []


def test_list_takes_one_query_for_1_and_for_30(listed, tenant, django_assert_num_queries):
    listed()  # now the key is known
    for count in (1, 30):
        while OptOut.objects.count() < count:
            OptOutFactory(tenant=tenant)
        with django_assert_num_queries(1):
            assert len(listed().json()["data"]) == count


def test_cursor_does_not_tell_how_many_opt_outs_there_are(listed, tenant):
    OptOutFactory(tenant=tenant)
    OptOutFactory(tenant=tenant)
    parts = signing.loads(listed(limit=1).json()["nextCursor"], salt=CURSOR_SALT)
    assert [part for part in parts if isinstance(part, int)] == []


@pytest.mark.parametrize(
    ("method", "where", "needs"),
    [
        ("get", "", "contacts:read"),
        ("post", "", "contacts:write"),
        ("delete", "/+6581230000", "contacts:write"),
    ],
)
def test_key_without_the_scope_is_refused(client, tenant, method, where, needs):
    headers = bearer(tenant, scopes=tuple(scope for scope in SCOPES if scope != needs))
    answer = getattr(client, method)(f"/v1/opt-outs{where}", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
