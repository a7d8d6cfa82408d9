"""Several connections at once that change the same contacts and groups: one result, no crash."""

from functools import partial

import pytest

from accounts.errors import Conflict, GatewayError, NotFound
from accounts.tests.factories import TenantFactory
from messaging.models import Contact, Group
from messaging.services.directory import (
    ContactDetails,
    add_to_group,
    create_contact,
    create_group,
    delete_contact,
    delete_group,
    update_contact,
)
from messaging.tests.factories import ContactFactory, GroupFactory
from messaging.tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def outcome(work) -> type:
    """What `work` raised of our own errors, or None's type; anything else is a crash."""
    try:
        work()
    except GatewayError as error:
        return type(error)
    return type(None)


def outcomes(*works) -> list[type]:
    return at_once(*(partial(outcome, work) for work in works))


@pytest.mark.parametrize("round_", range(3))
def test_one_of_equal_contacts_and_of_equal_groups_is_made(round_):
    tenant = TenantFactory()
    details = ContactDetails(number="+6581230000")
    contacts = [partial(create_contact, tenant=tenant, details=details)] * 3
    groups = [partial(create_group, tenant=tenant, name="Customers")] * 3
    for works in (contacts, groups):
        assert sorted(outcomes(*works), key=str) == [type(None), Conflict, Conflict]
    assert (Contact.objects.count(), Group.objects.count()) == (1, 1)


@pytest.mark.parametrize("round_", range(5))
def test_what_is_deleted_while_it_is_joined_leaves_nothing_behind(round_):
    contact = ContactFactory()
    group = GroupFactory(tenant=contact.tenant)
    added, put, deleted, _ = outcomes(
        partial(add_to_group, group=group, contact=contact),
        partial(update_contact, contact=contact, details=ContactDetails(groups=[group])),
        partial(delete_contact, contact=contact),
        partial(delete_group, group=group),
    )
    assert {added, put} <= {type(None), NotFound}
    assert deleted is type(None)
    left = (Contact.objects.count(), Group.objects.count())
    assert (*left, Group.contacts.through.objects.count()) == (0, 0, 0)
