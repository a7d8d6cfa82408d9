"""Contacts from files: what is read, what is refused, and that it is all or nothing."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.utils import timezone

from accounts.errors import InvalidInput, NotFound
from accounts.tests.factories import TenantFactory, UserFactory
from messaging.models import Contact, ContactImport
from messaging.services.contact_imports import (
    MAX_ROWS,
    Row,
    apply_import,
    prepare_import,
    read_contacts,
)
from messaging.tests.factories import ContactFactory, GroupFactory

ANA = Row("+6581234567", "Ana Lim", {"city": "Bern"})


def read(text: str | bytes):
    data = text if isinstance(text, bytes) else text.encode()
    return read_contacts(BytesIO(data), country="SG")


@pytest.mark.parametrize(
    "text",
    [
        "name,number,city\nAna Lim,8123 4567,Bern\n",
        "\ufeffName;Phone;city\r\nAna Lim;+65 8123 4567;Bern\r\n",
        "number\tcity\tname\n81234567\tBern\tAna Lim",
        'city,"number",name\nBern,"8123-4567"," Ana Lim "\n\n,,\n',
    ],
)
def test_files_of_many_programs_are_read(text):
    reading = read(text)
    assert (reading.rows, reading.refused) == ([ANA], [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("x,12ab", "A recipient is written in digits. Leave out letters and extensions."),
        ("x,81234567,y,z", "It has 4 cells, but the first line names 3."),
        (f"{'x' * 101},81234567", "The name has more than 100 characters."),
        (f"x,81234567,{'y' * 201}", "city has more than 200 characters."),
        ("x,81110000", "+6581110000 is in line 2 already."),
        ("x,81234567,\x00", "It holds a null character."),
    ],
)
def test_bad_line_is_refused_with_its_number_and_reason(line, reason):
    reading = read(f'name,number,city\nBo,81110000,"two\nlines"\n{line}\n')
    assert (len(reading.rows), reading.refused) == (1, [(4, reason)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name,number\n",
        "name,city\nAna,Bern\n",
        "number,city,City!\n81234567,a,b\n".replace("City!", "city"),
        "number,1st\n81234567,a\n",
        b"name,number\nJ\xfcrg,81234567\n",
        'number,name\n81234567,"open\n',
        "number\n" + "1\n" * (MAX_ROWS + 1),
        "number," + ",".join(f"f{n}" for n in range(21)) + "\n81234567\n",
    ],
)
def test_file_that_is_none_of_contacts_is_refused_at_its_field(text):
    with pytest.raises(InvalidInput) as refusal:
        read(text)
    assert [issue.path for issue in refusal.value.issues] == ["file"]


@pytest.fixture
def tenant():
    return TenantFactory()


@pytest.fixture
def actor():
    return UserFactory()


@pytest.fixture
def prepared(tenant, actor):
    def prepare(text="name,number,city\nAna,81234567,Bern\n,82345678,\n") -> ContactImport:
        return prepare_import(
            tenant=tenant, actor=actor, file=BytesIO(text.encode()), file_name="people.csv"
        )

    return prepare


def kept(tenant):
    rows = Contact.objects.filter(tenant=tenant).order_by("number")
    return [(row.number, row.name, row.fields) for row in rows]


@pytest.mark.django_db
def test_prepared_file_stores_no_contact_and_replaces_the_one_before(prepared):
    prepared()
    second = prepared()
    assert (Contact.objects.count(), list(ContactImport.objects.all())) == (0, [second])


@pytest.mark.django_db
def test_prepared_file_that_a_colleague_left_is_forgotten_after_a_day(prepared, tenant):
    left = [
        ContactImport.objects.create(
            tenant=tenant,
            created_by=UserFactory(),
            created_at=timezone.now() - timedelta(hours=hours),
            rows=[],
            refused=[],
        )
        for hours in (25, 23)
    ]
    assert set(ContactImport.objects.all()) == set(left)
    fresh = prepared()
    assert set(ContactImport.objects.all()) == {left[1], fresh}


@pytest.mark.django_db
def test_import_updates_who_is_known_and_keeps_their_other_fields(prepared, actor, tenant):
    ContactFactory(tenant=tenant, number="+6581234567", name="A", fields={"city": "X", "vip": "1"})
    ContactFactory(tenant=tenant, number="+6582345678", name="Bo")
    ContactFactory(number="+6581234567", name="Another tenant's")
    done = apply_import(pending=prepared(), actor=actor, updates=True, group=None)
    assert (done, ContactImport.objects.count()) == ((0, 2, 0), 0)
    assert kept(tenant) == [
        ("+6581234567", "Ana", {"city": "Bern", "vip": "1"}),
        ("+6582345678", "Bo", {}),
    ]


@pytest.mark.django_db
def test_import_may_leave_who_is_known_and_puts_all_into_a_group(prepared, actor, tenant):
    ContactFactory(tenant=tenant, number="+6581234567", name="A")
    group = GroupFactory(tenant=tenant)
    done = apply_import(pending=prepared(), actor=actor, updates=False, group=group)
    assert done == (1, 0, 1)
    assert kept(tenant) == [("+6581234567", "A", {}), ("+6582345678", "", {})]
    assert group.contacts.count() == 2


@pytest.mark.django_db
def test_import_with_one_contact_too_full_stores_nothing(prepared, actor, tenant):
    full = {f"f{n}": "x" for n in range(20)}
    ContactFactory(tenant=tenant, number="+6581234567", name="A", fields=full)
    with pytest.raises(InvalidInput):
        apply_import(pending=prepared(), actor=actor, updates=True, group=None)
    assert kept(tenant) == [("+6581234567", "A", full)]
    assert ContactImport.objects.count() == 1


@pytest.mark.django_db
def test_import_is_done_once(prepared, actor):
    pending = prepared()
    apply_import(pending=ContactImport.objects.get(), actor=actor, updates=True, group=None)
    with pytest.raises(NotFound):
        apply_import(pending=pending, actor=actor, updates=True, group=None)


@pytest.mark.django_db
def test_largest_import_takes_a_bounded_number_of_queries(
    prepared, actor, django_assert_max_num_queries
):
    text = "number\n" + "".join(f"+65812{n:05}\n" for n in range(MAX_ROWS))
    pending = prepared(text)
    with django_assert_max_num_queries(20):
        done = apply_import(pending=pending, actor=actor, updates=True, group=None)
    assert done == (MAX_ROWS, 0, 0)
