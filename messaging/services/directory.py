"""What people decide about contacts and groups.

Rows are locked before one of them is tied to another or deleted, so that nothing is tied to what is
just going: groups before contacts, as the rules do it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet

from accounts.errors import Conflict, InvalidInput, Issue, NotFound
from accounts.models import Tenant
from devices.numbers import InvalidNumber, parse_number
from messaging.models import Contact, Group

MAX_NAME = 100  # characters, of contacts and of groups
MAX_FIELDS = 20  # of a contact
MAX_FIELD = 200  # characters
FIELD_NAME = "[A-Za-z][A-Za-z0-9_]{0,39}"  # what templates can name
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class ContactDetails:
    """What a contact is to be; None = as it is, or nothing of a new one.

    `number` as people write it, read in the tenant's country. `fields` and `groups` replace what is
    there; the groups are the tenant's own.
    """

    number: str | None = None
    name: str | None = None
    fields: Mapping[str, str] | None = None
    groups: Sequence[Group] | None = None


@transaction.atomic
def create_contact(*, tenant: Tenant, details: ContactDetails) -> Contact:
    """Store a new contact.

    Raises InvalidInput for a number that is none, Conflict when the tenant has the number already.
    """
    groups = _held(details.groups or (), tenant.pk)
    contact = Contact(tenant=tenant)
    _apply(contact, tenant, replace(details, number=details.number or ""))
    _save_contact(contact)
    if groups:
        contact.groups.set(groups)
    return contact


@transaction.atomic
def update_contact(*, contact: Contact, details: ContactDetails) -> None:
    """Change what `details` name; raises as `create_contact`, or NotFound when it was deleted."""
    groups = _held(details.groups or (), contact.tenant_id)
    (contact,) = _locked(Contact.objects.select_related("tenant").filter(pk=contact.pk))
    _apply(contact, contact.tenant, details)
    _save_contact(contact)
    if details.groups is not None:
        contact.groups.set(groups)


@transaction.atomic
def delete_contact(*, contact: Contact) -> None:
    """Delete a contact and take it out of its groups. Its opt-out stays, as do its messages."""
    (contact,) = _locked(Contact.objects.filter(pk=contact.pk))
    contact.delete()


@transaction.atomic
def create_group(*, tenant: Tenant, name: str) -> Group:
    """Store a new group; raises InvalidInput for no name, Conflict for one that is taken."""
    group = Group(tenant=tenant, name=_trimmed(name, at_least=1))
    _save_group(group)
    return group


@transaction.atomic
def rename_group(*, group: Group, name: str) -> None:
    """Give a group another name; raises as `create_group`, or NotFound when it was deleted."""
    (group,) = _locked(Group.objects.filter(pk=group.pk))
    group.name = _trimmed(name, at_least=1)
    _save_group(group)


@transaction.atomic
def delete_group(*, group: Group) -> None:
    """Delete a group; its contacts stay."""
    (group,) = _locked(Group.objects.filter(pk=group.pk))
    group.delete()


@transaction.atomic
def add_to_group(*, group: Group, contact: Contact) -> bool:
    """Make a contact of the same tenant a member; False when it was. Raises NotFound."""
    _held([group], contact.tenant_id)
    _locked(Contact.objects.filter(pk=contact.pk))
    memberships = Group.contacts.through.objects
    _, is_new = memberships.get_or_create(group_id=group.pk, contact_id=contact.pk)
    return is_new


@transaction.atomic
def remove_from_group(*, group: Group, contact: Contact) -> bool:
    """Let a contact be a member no longer; False when it was none."""
    memberships = Group.contacts.through.objects.filter(group=group, contact=contact)
    return memberships.delete()[0] > 0


def _apply(contact: Contact, tenant: Tenant, details: ContactDetails) -> None:
    """Write `details` into the columns of `contact`."""
    if details.number is not None:
        contact.number = _stored(details.number, tenant)
    if details.name is not None:
        contact.name = _trimmed(details.name, at_least=0)
    if details.fields is not None:
        _check_fields(details.fields)
        contact.fields = dict(details.fields)


def _held(groups: Sequence[Group], tenant_id: int) -> list[Group]:
    """The tenant's `groups`, each once, held; raises NotFound when one of them was deleted."""
    keys = {group.pk for group in groups}
    return _locked(Group.objects.filter(pk__in=keys, tenant_id=tenant_id), count=len(keys))


def _stored(number: str, tenant: Tenant) -> str:
    try:
        return parse_number(number, tenant.default_country)
    except InvalidNumber as error:
        raise InvalidInput.at("number", "invalid_phone_number", str(error)) from error


def _trimmed(name: str, *, at_least: int) -> str:
    name = name.strip()
    if not at_least <= len(name) <= MAX_NAME:
        raise InvalidInput.at(
            "name", "invalid_value", f"The name must have {at_least} to {MAX_NAME} characters."
        )
    return name


def _check_fields(fields: Mapping[str, str]) -> None:
    """Raise InvalidInput with an issue for each field that cannot be kept."""
    if len(fields) > MAX_FIELDS:
        raise InvalidInput.at("fields", "too_long", f"A contact has at most {MAX_FIELDS} fields.")
    issues = []
    for name, value in fields.items():
        path = f"fields.{name[:50]}"
        if not re.fullmatch(FIELD_NAME, name):
            sentence = "A field's name is a letter and up to 39 letters, digits or underscores."
            issues.append(Issue(path, "invalid_name", sentence))
        elif len(value) > MAX_FIELD:
            sentence = f"A field has at most {MAX_FIELD} characters."
            issues.append(Issue(path, "too_long", sentence))
    if issues:
        raise InvalidInput(issues=tuple(issues))


def _save_contact(contact: Contact) -> None:
    """Save `contact`; raises Conflict when another one has its number, also one made just now."""
    try:
        with transaction.atomic():
            contact.save()
    except IntegrityError as error:
        taken = Contact.objects.filter(tenant_id=contact.tenant_id, number=contact.number).first()
        name = f": {taken.external_id}" if taken else ""
        raise Conflict(f"There is a contact with {contact.number} already{name}.") from error


def _save_group(group: Group) -> None:
    """Save `group`; raises Conflict when another one has its name, also one made just now."""
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError as error:
        taken = Group.objects.filter(tenant_id=group.tenant_id, name=group.name).first()
        name = f": {taken.external_id}" if taken else ""
        raise Conflict(f"There is a group named {group.name!r} already{name}.") from error


def _locked(rows: QuerySet[Row], *, count: int = 1) -> list[Row]:
    """`rows`, of which there must be `count`, held until the end of the transaction.

    Raises NotFound when one of them was deleted meanwhile.
    """
    found = list(rows.select_for_update(of=("self",)).order_by("pk"))
    if len(found) != count:
        raise NotFound
    return found
