"""`/v1/groups` as clients see it."""

import pytest

from accounts.api.times import iso
from accounts.services.api_keys import SCOPES
from accounts.tests.factories import TenantFactory, bearer
from messaging.models import Contact, Group
from messaging.tests.factories import ContactFactory, GroupFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant():
    return TenantFactory()


@pytest.fixture
def call(client, tenant):
    """A function that makes one request: method, path below /v1/groups, body."""
    headers = bearer(tenant)

    def send(method: str, where: str = "", body: object = None):
        path, data = f"/v1/groups{where}", {} if body is None else {"data": body}
        return getattr(client, method)(
            path, **data, content_type="application/json", headers=headers
        )

    return send


@pytest.fixture
def listed(client, tenant):
    """A function that gets the list with the given query."""
    headers = bearer(tenant)
    return lambda **query: client.get("/v1/groups", query, headers=headers).json()


def issue_of(answer) -> tuple[int, str, str]:
    (issue,) = answer.json()["issues"]
    return answer.status_code, issue["path"], issue["code"]


def test_create_stores_a_group(call, tenant):
    answer = call("post", "", {"name": " Customers "})
    group = Group.objects.get()
    assert (answer.status_code, answer.json(), group.tenant) == (
        201,
        {
            "id": group.external_id,
            "name": "Customers",
            "contactCount": 0,
            "createdAt": iso(group.created_at),
        },
        tenant,
    )
    assert call("get", f"/{group.external_id}").json() == answer.json()


def test_name_that_is_taken_is_a_conflict_that_names_the_group(call, tenant):
    taken, other = GroupFactory(tenant=tenant, name="Customers"), GroupFactory(tenant=tenant)
    sentence = f"There is a group named 'Customers' already: {taken.external_id}."
    for method, where in (("post", ""), ("patch", f"/{other.external_id}")):
        answer = call(method, where, {"name": "Customers"})
        assert (answer.status_code, answer.json()["error"], answer.json()["message"]) == (
            409,
            "conflict",
            sentence,
        )
    assert Group.objects.filter(name="Customers").count() == 1


def test_name_of_another_tenants_group_is_free(call):
    GroupFactory(name="Customers")
    assert call("post", "", {"name": "Customers"}).status_code == 201


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
@pytest.mark.parametrize("method", ["post", "patch"])
def test_name_that_is_none_is_refused(call, tenant, method, name):
    group = GroupFactory(tenant=tenant, name="Customers")
    where = "" if method == "post" else f"/{group.external_id}"
    assert issue_of(call(method, where, {"name": name})) == (400, "name", "invalid_value")
    assert Group.objects.get().name == "Customers"


def test_create_without_a_name_says_so(call):
    assert issue_of(call("post", "", {})) == (400, "name", "required")


def test_patch_renames(call, tenant):
    group = GroupFactory(tenant=tenant)
    group.contacts.add(ContactFactory(tenant=tenant))
    before = call("get", f"/{group.external_id}").json()
    answer = call("patch", f"/{group.external_id}", {"name": "Customers"})
    assert (answer.status_code, answer.json()) == (200, before | {"name": "Customers"})
    assert call("patch", f"/{group.external_id}", {}).json() == answer.json()
    assert call("patch", f"/{group.external_id}", {"name": "Customers"}).status_code == 200


def test_delete_leaves_the_contacts(call, tenant):
    group = GroupFactory(tenant=tenant)
    group.contacts.add(ContactFactory(tenant=tenant))
    answer = call("delete", f"/{group.external_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (Group.objects.count(), Contact.objects.count()) == (0, 1)
    assert call("delete", f"/{group.external_id}").status_code == 404


def test_membership_is_made_and_ended_however_often_it_is_asked(call, tenant):
    group, contact = GroupFactory(tenant=tenant), ContactFactory(tenant=tenant)
    where = f"/{group.external_id}/contacts/{contact.external_id}"
    counts = []
    for method in ("delete", "post", "post", "delete", "delete"):
        answer = call(method, where)
        assert (answer.status_code, answer.content) == (204, b"")
        counts.append(call("get", f"/{group.external_id}").json()["contactCount"])
    assert counts == [0, 1, 1, 0, 0]
    assert Contact.objects.count() == 1


def test_list_is_newest_first_in_pages_with_the_number_of_contacts(listed, tenant):
    contacts = [ContactFactory(tenant=tenant) for _ in range(3)]
    groups = [GroupFactory(tenant=tenant) for _ in range(3)]
    for number, group in enumerate(groups):
        group.contacts.set(contacts[:number])
    GroupFactory().contacts.add(ContactFactory())
    page = listed(limit=2)
    rest = listed(limit=2, cursor=page["nextCursor"])
    shown = [(row["id"], row["contactCount"]) for row in page["data"] + rest["data"]]
    assert shown == [(groups[n].external_id, n) for n in (2, 1, 0)]
    assert rest["nextCursor"] is None


def test_list_takes_one_query_for_1_group_and_for_30(listed, tenant, django_assert_num_queries):
    listed()  # now the key is known
    for count in (1, 30):
        while Group.objects.count() < count:
            GroupFactory(tenant=tenant).contacts.add(ContactFactory(tenant=tenant))
        with django_assert_num_queries(1):
            page = listed()["data"]
        assert [row["contactCount"] for row in page] == [1] * count


@pytest.mark.parametrize(
    ("method", "where", "needs"),
    [
        ("get", "", "contacts:read"),
        ("post", "", "contacts:write"),
        ("get", "/grp_x", "contacts:read"),
        ("patch", "/grp_x", "contacts:write"),
        ("delete", "/grp_x", "contacts:write"),
        ("post", "/grp_x/contacts/con_x", "contacts:write"),
        ("delete", "/grp_x/contacts/con_x", "contacts:write"),
    ],
)
def test_key_without_the_scope_is_refused(client, tenant, method, where, needs):
    headers = bearer(tenant, scopes=tuple(scope for scope in SCOPES if scope != needs))
    answer = getattr(client, method)(f"/v1/groups{where}", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
