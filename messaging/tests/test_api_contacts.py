"""`/v1/contacts` as clients see it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.api.times import iso
from accounts.services.api_keys import SCOPES
from accounts.tests.factories import TenantFactory, bearer
from messaging.models import Contact, OptOut
from messaging.tests.factories import ContactFactory, GroupFactory, OptOutFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant():
    return TenantFactory()


@pytest.fixture
def call(client, tenant):
    """A function that makes one request: method, path below /v1/contacts, body."""
    headers = bearer(tenant)

    def send(method: str, where: str = "", body: object = None):
        path, data = f"/v1/contacts{where}", {} if body is None else {"data": body}
        return getattr(client, method)(
            path, **data, content_type="application/json", headers=headers
        )

    return send


@pytest.fixture
def listed(client, tenant):
    """A function that gets the list with the given query."""
    headers = bearer(tenant)
    return lambda **query: client.get("/v1/contacts", query, headers=headers)


def numbers(answer) -> list[str]:
    return [row["number"] for row in answer.json()["data"]]


def issue_of(answer) -> tuple[int, str, str]:
    (issue,) = answer.json()["issues"]
    return answer.status_code, issue["path"], issue["code"]


def test_create_stores_a_contact_with_all_it_says(call, tenant):
    groups = [GroupFactory(tenant=tenant), GroupFactory(tenant=tenant)]
    body = {
        "number": "8123 0000",
        "name": " Alice Tan ",
        "fields": {"city": "Singapore", "plan_2": ""},
        "groups": [group.external_id for group in groups],
    }
    answer = call("post", "", body)
    contact = Contact.objects.get()
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "id": contact.external_id,
            "number": "+6581230000",
            "name": "Alice Tan",
            "fields": {"city": "Singapore", "plan_2": ""},
            "groups": [group.external_id for group in groups],
            "isOptedOut": False,
            "createdAt": iso(contact.created_at),
            "lastInboundAt": None,
        },
    )
    assert (contact.tenant, set(contact.groups.all())) == (tenant, set(groups))
    assert call("get", f"/{contact.external_id}").json() == answer.json()


def test_create_needs_nothing_but_a_number(call):
    created = call("post", "", {"number": "72227"}).json()
    assert (created["number"], created["name"], created["fields"], created["groups"]) == (
        "72227",
        None,
        {},
        [],
    )


def test_create_of_a_known_number_is_a_conflict_that_names_the_contact(call, tenant):
    known = ContactFactory(tenant=tenant, number="+6581230000", name="Alice")
    ContactFactory(number="+6581239999")
    answer = call("post", "", {"number": "+65 8123 0000", "name": "Bob"})
    assert (answer.status_code, answer.json()["error"], answer.json()["message"]) == (
        409,
        "conflict",
        f"There is a contact with +6581230000 already: {known.external_id}.",
    )
    known.refresh_from_db()
    assert known.name == "Alice"
    assert call("post", "", {"number": "+6581239999"}).status_code == 201


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"number": "nobody"}, "number", "invalid_phone_number"),
        ({"number": ""}, "number", "invalid_phone_number"),
        ({"name": "x" * 101}, "name", "invalid_value"),
        ({"fields": {"2nd": "x"}}, "fields.2nd", "invalid_name"),
        ({"fields": {"a b": "x"}}, "fields.a b", "invalid_name"),
        ({"fields": {"city\n": "x"}}, "fields.city\n", "invalid_name"),
        ({"fields": {"x" * 41: "x"}}, "fields." + "x" * 41, "invalid_name"),
        ({"fields": {"": "x"}}, "fields.", "invalid_name"),
        ({"fields": {"city": "x" * 201}}, "fields.city", "too_long"),
        ({"fields": {"city": 7}}, "fields[...]", "invalid_type"),
        ({"fields": {"city": {"nested": "x"}}}, "fields[...]", "invalid_type"),
        ({"fields": {f"f{n}": "x" for n in range(21)}}, "fields", "too_long"),
        ({"groups": ["grp_0000000000000000000000"]}, "groups[0]", "not_found"),
        ({"groups": ["nonsense"]}, "groups[0]", "not_found"),
        ({"groups": [7]}, "groups[0]", "invalid_type"),
    ],
)
@pytest.mark.parametrize("method", ["post", "patch"])
def test_mistake_is_named_and_changes_nothing(call, tenant, method, change, path, code):
    contact = ContactFactory(tenant=tenant, name="Alice")
    before = Contact.objects.values().get()
    where = "" if method == "post" else f"/{contact.external_id}"
    body = {"number": "+6581230000", "name": "Bob"} | change
    assert issue_of(call(method, where, body)) == (400, path, code)
    assert Contact.objects.values().get() == before


def test_create_without_a_number_says_so(call):
    assert issue_of(call("post", "", {"name": "Alice"})) == (400, "number", "required")


def test_patch_changes_what_it_names_and_nothing_else(call, tenant):
    old, new = GroupFactory(tenant=tenant), GroupFactory(tenant=tenant)
    contact = ContactFactory(tenant=tenant, name="Alice", fields={"city": "Singapore", "age": "7"})
    contact.groups.add(old)
    other, where = ContactFactory(tenant=tenant), f"/{contact.external_id}"
    others = Contact.objects.values().get(pk=other.pk)
    before = call("get", where).json()
    assert call("patch", where, {}).json() == before
    assert call("patch", where, {"name": "Alice Tan"}).json() == before | {"name": "Alice Tan"}
    changed = call(
        "patch",
        where,
        {
            "number": "+6581230000",
            "name": "",
            "fields": {"city": "Kuching"},
            "groups": [new.external_id] * 2,
        },
    )
    assert (changed.status_code, changed.json()) == (
        200,
        before
        | {
            "number": "+6581230000",
            "name": None,
            "fields": {"city": "Kuching"},
            "groups": [new.external_id],
        },
    )
    emptied = call("patch", where, {"fields": {}, "groups": []}).json()
    assert (emptied["fields"], emptied["groups"]) == ({}, [])
    assert Contact.objects.values().get(pk=other.pk) == others


def test_patch_to_the_number_of_another_contact_is_a_conflict(call, tenant):
    contact, other = ContactFactory(tenant=tenant), ContactFactory(tenant=tenant)
    body = {"number": other.number, "name": "Bob"}
    answer = call("patch", f"/{contact.external_id}", body)
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    contact.refresh_from_db()
    assert contact.name == ""
    own = {"number": contact.number}
    assert call("patch", f"/{contact.external_id}", own).status_code == 200


def test_patch_keeps_when_the_contact_last_wrote(call, tenant):
    wrote_at = timezone.now() - timedelta(hours=1)
    contact = ContactFactory(tenant=tenant, last_inbound_at=wrote_at)
    answer = call("patch", f"/{contact.external_id}", {"name": "Alice"})
    assert answer.json()["lastInboundAt"] == iso(wrote_at)


def test_delete_leaves_the_groups_and_the_opt_out(call, tenant):
    contact, group = ContactFactory(tenant=tenant), GroupFactory(tenant=tenant)
    group.contacts.add(contact, ContactFactory(tenant=tenant))
    OptOutFactory(tenant=tenant, number=contact.number)
    answer = call("delete", f"/{contact.external_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert [
        call(method, f"/{contact.external_id}").status_code for method in ("get", "delete")
    ] == [
        404,
        404,
    ]
    assert (group.contacts.count(), OptOut.objects.filter(number=contact.number).count()) == (1, 1)
    again = call("post", "", {"number": contact.number}).json()
    assert again["isOptedOut"] is True


def test_opt_out_of_another_tenant_is_not_shown(call, tenant):
    contact = ContactFactory(tenant=tenant)
    OptOutFactory(number=contact.number)
    assert call("get", f"/{contact.external_id}").json()["isOptedOut"] is False


def test_list_is_newest_first_and_pages_hold_each_contact_once(listed, tenant):
    newest_first = [ContactFactory(tenant=tenant).number for _ in range(7)][::-1]
    ContactFactory()
    pages, cursor = [], {}
    while cursor is not None:
        page = listed(limit=3, **cursor)
        pages.append(numbers(page))
        ContactFactory(tenant=tenant)  # comes too late for this list
        cursor = {"cursor": key} if (key := page.json()["nextCursor"]) else None
    assert pages == [newest_first[:3], newest_first[3:6], newest_first[6:]]


def test_list_has_50_to_a_page_and_at_most_200(listed, tenant):
    for _ in range(51):
        ContactFactory(tenant=tenant)
    assert (len(numbers(listed())), len(numbers(listed(limit=200)))) == (50, 51)
    assert issue_of(listed(limit=201)) == (400, "limit", "invalid_value")


def test_list_takes_as_many_queries_for_30_contacts_as_for_1(listed, tenant):
    listed()  # now the key is known
    queries = []
    for count in (1, 29):
        for _ in range(count):
            contact = ContactFactory(tenant=tenant)
            contact.groups.add(GroupFactory(tenant=tenant), GroupFactory(tenant=tenant))
            OptOutFactory(tenant=tenant, number=contact.number)
        with CaptureQueriesContext(connection) as captured:
            page = listed().json()["data"]
        assert all(row["isOptedOut"] and len(row["groups"]) == 2 for row in page)
        queries.append((len(page), len(captured)))
    assert queries == [(1, 3), (30, 3)]


def test_filters_narrow(listed, tenant):
    group = GroupFactory(tenant=tenant)
    alice = ContactFactory(tenant=tenant, number="+6581230000", name="Alice Tan")
    bob = ContactFactory(tenant=tenant, number="DBS-Bank", name="Älice 100%")
    group.contacts.add(alice)
    found = {
        (name, value): numbers(listed(**{name: value}))
        for name, value in [
            ("number", "8123 0000"),
            ("number", "DBS-Bank"),
            ("number", "+6589999999"),
            ("q", "aLiCe t"),
            ("q", "älice 100%"),
            ("q", "tan"),
            ("q", "%"),
            ("q", "Alice_"),
            ("groupId", group.external_id),
            ("groupId", "grp_0000000000000000000000"),
            ("groupId", "nonsense"),
        ]
    }
    assert {query: who for query, who in found.items() if who} == {
        ("number", "8123 0000"): [alice.number],
        ("number", "DBS-Bank"): [bob.number],
        ("q", "aLiCe t"): [alice.number],
        ("q", "älice 100%"): [bob.number],
        ("groupId", group.external_id): [alice.number],
    }
    both = listed(q="Alice", groupId=group.external_id, number=bob.number)
    assert numbers(both) == []


def test_cursor_of_one_list_does_not_work_for_another(client, listed, tenant):
    ContactFactory(tenant=tenant)
    ContactFactory(tenant=tenant)
    cursor = listed(limit=1).json()["nextCursor"]
    assert issue_of(listed(cursor=cursor, q="a")) == (400, "cursor", "invalid_cursor")
    groups = client.get("/v1/groups", {"cursor": cursor}, headers=bearer(tenant))
    assert issue_of(groups) == (400, "cursor", "invalid_cursor")


def test_filter_that_does_not_exist_is_named(listed):
    assert issue_of(listed(colour="red")) == (400, "colour", "unknown_parameter")


def test_search_by_name_reads_an_index_and_not_the_table(listed, tenant):
    others = TenantFactory()
    Contact.objects.bulk_create(
        Contact(tenant=owner, number=f"+65810{n:05}", name=f"Name {n}")
        for owner in (tenant, others)
        for n in range(3000)
    )
    plans = []

    def explain(execute, sql, values, many, context):
        if "LIKE" in sql:
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", values)
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(sql, values, many, context)

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE messaging_contact")
    with connection.execute_wrapper(explain):
        found = numbers(listed(q="name 29"))
    assert (len(found), found[0]) == (50, "+6581002999")
    (plan,) = plans
    assert "contact_by_name" in plan, plan


@pytest.mark.parametrize(
    ("method", "where", "needs"),
    [
        ("get", "", "contacts:read"),
        ("post", "", "contacts:write"),
        ("get", "/con_x", "contacts:read"),
        ("patch", "/con_x", "contacts:write"),
        ("delete", "/con_x", "contacts:write"),
    ],
)
def test_key_without_the_scope_is_refused(client, tenant, method, where, needs):
    headers = bearer(tenant, scopes=tuple(scope for scope in SCOPES if scope != needs))
    answer = getattr(client, method)(f"/v1/contacts{where}", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
