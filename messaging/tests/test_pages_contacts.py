"""The pages of contacts, groups, opt-outs and imports, and what each role does there."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Membership
from accounts.tests.factories import MembershipFactory, TenantFactory
from messaging.models import Contact, ContactImport, Group, OptOut
from messaging.tests.factories import ContactFactory, GroupFactory, OptOutFactory

pytestmark = pytest.mark.django_db

Role = Membership.Role
NUMBER = "+6581239999"
TYPED = {
    "name": "Ana",
    "number": "8123 9999",
    "field-name": ["city", ""],
    "field-value": ["Bern", ""],
}


@pytest.fixture
def tenant():
    return TenantFactory()


@pytest.fixture
def log_in(client, tenant):
    def as_member(role=Role.OPERATOR):
        member = MembershipFactory(tenant=tenant, role=role)
        client.force_login(member.user)
        return member

    return as_member


@pytest.mark.parametrize("count", [1, 30])
def test_list_takes_as_many_queries_for_one_contact_as_for_a_page(
    client, log_in, tenant, count, django_assert_num_queries
):
    log_in(Role.VIEWER)
    group = GroupFactory(tenant=tenant)
    group.contacts.set(ContactFactory.create_batch(count, tenant=tenant))
    # Session, user, membership (two), other tenants, contacts, their groups, opt-outs, all groups.
    with django_assert_num_queries(9):
        answer = client.get("/contacts")
    assert len(answer.context["rows"]) == count


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Ana", "Bo", "Änne"]),
        ("?q=an", ["Ana"]),
        ("?q=än", ["Änne"]),
        ("?q=8222", ["Bo"]),
        ("?q=%2B6582", ["Bo"]),
        ("?q=%00%25", []),
        ("?group={group}", ["Bo"]),
        ("?group=grp_nonsense", []),
    ],
)
def test_list_is_searched_and_filtered(client, log_in, tenant, query, found):
    log_in(Role.VIEWER)
    ContactFactory(tenant=tenant, name="Ana", number="+6581111111")
    bo = ContactFactory(tenant=tenant, name="Bo", number="+6582222222")
    ContactFactory(tenant=tenant, name="Änne", number="+6583333333")
    ContactFactory(name="Another tenant's")
    group = GroupFactory(tenant=tenant)
    group.contacts.add(bo)
    answer = client.get("/contacts" + query.format(group=group.external_id))
    assert sorted(contact.name for contact, _ in answer.context["rows"]) == found


def test_list_says_who_opted_out(client, log_in, tenant):
    log_in(Role.VIEWER)
    contact = ContactFactory(tenant=tenant)
    OptOutFactory(tenant=tenant, number=contact.number)
    assert client.get("/contacts").context["rows"] == [(contact, True)]


def test_list_goes_on_where_the_page_ended(client, log_in, tenant):
    log_in(Role.VIEWER)
    oldest, *_ = ContactFactory.create_batch(31, tenant=tenant)
    following = client.get("/contacts").context["following"]
    answer = client.get(f"/contacts?cursor={following}", headers={"HX-Request": "true"})
    assert [contact for contact, _ in answer.context["rows"]] == [oldest]
    assert client.get(f"/contacts?q=x&cursor={following}").url == "/contacts"


def test_contact_is_added_with_fields_and_groups(client, log_in, tenant):
    log_in()
    group = GroupFactory(tenant=tenant)
    answer = client.post("/contacts/new", TYPED | {"groups": [group.external_id]})
    contact = Contact.objects.get()
    assert answer.url == f"/contacts/{contact.external_id}"
    assert (contact.tenant, contact.name, contact.number) == (tenant, "Ana", NUMBER)
    assert (contact.fields, list(contact.groups.all())) == ({"city": "Bern"}, [group])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"number": "12x"}, "number"),
        ({"number": ""}, "number"),
        ({"name": "x" * 101}, "name"),
        ({"field-name": ["1st", ""]}, "fields"),
        ({"field-name": ["", ""]}, "fields"),
        ({"field-name": ["a", "a"], "field-value": ["1", "2"]}, "fields"),
        ({"groups": ["grp_nonsense"]}, "groups"),
        ({"number": "+6581110000"}, "__all__"),
    ],
)
def test_wrong_contact_is_marked_and_what_was_typed_stays(client, log_in, tenant, changed, field):
    log_in()
    ContactFactory(tenant=tenant, number="+6581110000")
    typed = TYPED | changed
    answer = client.post("/contacts/new", typed)
    form = answer.context["form"]
    assert (answer.status_code, list(form.errors), Contact.objects.count()) == (422, [field], 1)
    rows = [
        pair for pair in zip(typed["field-name"], typed["field-value"], strict=True) if any(pair)
    ]
    assert (form.data["number"], form.pairs[:-1]) == (typed["number"], rows)


def test_contact_is_changed_as_a_whole(client, log_in, tenant):
    log_in()
    contact = ContactFactory(tenant=tenant, name="Bo", fields={"a": "1", "b": "2"})
    GroupFactory(tenant=tenant).contacts.add(contact)
    page = client.get(f"/contacts/{contact.external_id}")
    assert page.context["form"].pairs == [("a", "1"), ("b", "2"), ("", "")]
    client.post(f"/contacts/{contact.external_id}", TYPED)
    contact.refresh_from_db()
    assert (contact.name, contact.number, contact.fields) == ("Ana", NUMBER, {"city": "Bern"})
    assert contact.groups.count() == 0


@pytest.mark.parametrize(
    ("typed", "status", "left"), [("Ana", 302, 0), ("ana", 422, 1), ("", 422, 1)]
)
def test_contact_is_deleted_when_its_name_is_typed(client, log_in, tenant, typed, status, left):
    log_in()
    contact = ContactFactory(tenant=tenant, name="Ana")
    answer = client.post(f"/contacts/{contact.external_id}/delete", {"typed": typed})
    assert (answer.status_code, Contact.objects.count()) == (status, left)


@pytest.mark.parametrize("path", ["/contacts/new", "/contacts/groups", "/contacts/opt-outs"])
def test_viewers_may_not_add(client, log_in, path):
    log_in(Role.VIEWER)
    assert client.post(path, TYPED).status_code == 403


def test_viewers_see_and_do_not_change_a_contact(client, log_in, tenant):
    log_in(Role.VIEWER)
    path = f"/contacts/{ContactFactory(tenant=tenant, name='Ana').external_id}"
    assert client.get(path).content.decode().count("<form class") == 0
    assert client.post(path, TYPED).status_code == 403
    assert client.post(f"{path}/delete", {"typed": "Ana"}).status_code == 403


def test_nothing_of_another_tenant_exists(client, log_in):
    log_in(Role.ADMIN)
    contact, group, gone = ContactFactory(name="A"), GroupFactory(), OptOutFactory()
    for path in (f"/contacts/{contact.external_id}", f"/contacts/groups/{group.external_id}"):
        assert (client.get(path).status_code, client.post(path, TYPED).status_code) == (404, 404)
        assert client.post(f"{path}/delete", {"typed": "A"}).status_code == 404
    removed = client.post(
        "/contacts/opt-outs/remove", {"number": gone.number, "typed": gone.number}
    )
    assert (removed.status_code, OptOut.objects.count()) == (404, 1)


def test_groups_are_made_renamed_and_deleted(client, log_in, tenant):
    log_in()
    client.post("/contacts/groups", {"name": "Drivers"})
    group = Group.objects.get(tenant=tenant)
    path = f"/contacts/groups/{group.external_id}"
    client.post(path, {"name": "Riders"})
    assert client.get("/contacts/groups").context["rows"][0].name == "Riders"
    assert client.post(f"{path}/delete", {"typed": "Drivers"}).status_code == 422
    assert client.post(f"{path}/delete", {"typed": "Riders"}).status_code == 302
    assert Group.objects.count() == 0


def test_group_with_a_name_that_is_taken_keeps_what_was_typed(client, log_in, tenant):
    log_in()
    GroupFactory(tenant=tenant, name="Drivers")
    answer = client.post("/contacts/groups", {"name": "Drivers"})
    form = answer.context["form"]
    assert (answer.status_code, form.data["name"], list(form.errors)) == (
        422,
        "Drivers",
        ["__all__"],
    )
    assert answer.content.decode().count("data-open-now") == 1


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize("page", ["groups", "opt-outs"])
def test_other_lists_take_as_many_queries_for_one_row_as_for_a_page(
    client, log_in, tenant, count, page, django_assert_num_queries
):
    log_in(Role.VIEWER)
    made = {"groups": GroupFactory, "opt-outs": OptOutFactory}[page]
    made.create_batch(count, tenant=tenant)
    with django_assert_num_queries(6):  # session, user, membership (two), other tenants, rows
        answer = client.get(f"/contacts/{page}")
    assert len(answer.context["rows"]) == count


def test_number_is_opted_out_and_found(client, log_in, tenant):
    log_in()
    client.post("/contacts/opt-outs", {"number": "8123 9999"})
    row = OptOut.objects.get(tenant=tenant)
    assert (row.number, row.source) == (NUMBER, "dashboard")
    assert client.get("/contacts/opt-outs?q=8123").context["rows"] == [row]
    assert client.get("/contacts/opt-outs?q=9").context["rows"] == []


def test_opt_out_of_what_is_no_number_is_marked(client, log_in):
    log_in()
    answer = client.post("/contacts/opt-outs", {"number": "12x"})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["number"])


@pytest.mark.parametrize(
    ("role", "typed", "status", "left"),
    [
        (Role.ADMIN, NUMBER, 302, 0),
        (Role.ADMIN, "8123", 422, 1),
        (Role.OPERATOR, NUMBER, 403, 1),
    ],
)
def test_admins_let_a_number_in_again_when_it_is_typed(
    client, log_in, tenant, role, typed, status, left
):
    log_in(role)
    OptOutFactory(tenant=tenant, number=NUMBER)
    answer = client.post("/contacts/opt-outs/remove", {"number": NUMBER, "typed": typed})
    assert (answer.status_code, OptOut.objects.count()) == (status, left)


def upload(client, text: str):
    file = SimpleUploadedFile("people.csv", text.encode(), content_type="text/csv")
    return client.post("/contacts/import", {"file": file})


def test_file_is_shown_and_then_imported(client, log_in, tenant):
    log_in(Role.ADMIN)
    ContactFactory(tenant=tenant, number="+6581110000")
    group = GroupFactory(tenant=tenant)
    shown = upload(client, "name,number\nAna,81239999\nBo,81110000\nCy,12x\n")
    page = client.get(shown.url)
    assert (page.context["good"], page.context["known"]) == (2, 1)
    assert [line for line, _ in page.context["refused"]] == [4]
    assert Contact.objects.count() == 1
    chosen = {"existing": "update", "group": group.external_id}
    assert client.post(shown.url, chosen).url == "/contacts"
    assert sorted(group.contacts.values_list("name", flat=True)) == ["Ana", "Bo"]


@pytest.mark.parametrize("text", ["", "name\nAna\n"])
def test_file_that_cannot_be_read_is_marked(client, log_in, text):
    log_in(Role.ADMIN)
    answer = upload(client, text)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["file"])


def test_import_is_for_admins_and_seen_by_who_made_it(client, log_in):
    log_in(Role.ADMIN)
    path = upload(client, "number\n81239999\n").url
    log_in(Role.ADMIN)
    assert client.get(path).status_code == 404
    log_in()
    assert (client.get("/contacts/import").status_code, client.get(path).status_code) == (403, 403)
    assert ContactImport.objects.count() == 1
