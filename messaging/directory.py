"""Reads of contacts, groups and opt-outs, always from a tenant."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Collate, Upper

from accounts.errors import InvalidInput, Issue, NotFound
from accounts.ids import decode_id
from accounts.models import Tenant
from messaging.models import Contact, Group, OptOut


def contacts_for(tenant: Tenant) -> QuerySet[Contact]:
    """The tenant's contacts with their groups: two queries, however many."""
    groups = Prefetch("groups", Group.objects.only("public_id").order_by("public_id"))
    return Contact.objects.filter(tenant=tenant).prefetch_related(groups)


def contacts_with_groups(tenant: Tenant) -> QuerySet[Contact]:
    """As `contacts_for`, with the groups' names, by name."""
    groups = Prefetch("groups", Group.objects.only("public_id", "name").order_by("name"))
    return Contact.objects.filter(tenant=tenant).prefetch_related(groups)


def contacts_named(contacts: QuerySet[Contact], start: str) -> QuerySet[Contact]:
    """Those of `contacts` whose name starts with `start`, in any case.

    Not those that have it elsewhere: that takes an index of trigrams, an extension that not every
    PostgreSQL has.
    """
    upper_name = Collate(Upper("name"), "C")  # as the index contact_by_name has it
    return contacts.alias(upper_name=upper_name).filter(upper_name__startswith=Upper(Value(start)))


def names_of(tenant: Tenant, numbers: Collection[str]) -> dict[str, str]:
    """Number, in its stored form -> its contact's name, for those that have one; one query."""
    contacts = Contact.objects.filter(tenant=tenant, number__in=set(numbers)).exclude(name="")
    return dict(contacts.values_list("number", "name"))


def contact_for(tenant: Tenant, external_id: str) -> Contact:
    """The tenant's contact `con_…`; raises NotFound for any other."""
    public_id = decode_id(Contact.ID_PREFIX, external_id)
    contact = contacts_for(tenant).filter(public_id=public_id).first() if public_id else None
    if contact is None:
        raise NotFound
    return contact


def groups_for(tenant: Tenant) -> QuerySet[Group]:
    """The tenant's groups with `contact_count`, which is counted for the rows of a page only."""
    members = Group.contacts.through.objects.filter(group=OuterRef("pk")).values("group")
    counts = members.annotate(count=Count("pk")).values("count")  # type: ignore[misc]  # of annotate
    groups = Group.objects.filter(tenant=tenant)
    return groups.annotate(contact_count=Coalesce(Subquery(counts), 0))


def group_for(tenant: Tenant, external_id: str) -> Group:
    """The tenant's group `grp_…`; raises NotFound for any other."""
    public_id = decode_id(Group.ID_PREFIX, external_id)
    group = groups_for(tenant).filter(public_id=public_id).first() if public_id else None
    if group is None:
        raise NotFound
    return group


def group_key(tenant: Tenant, external_id: str) -> int:
    """The primary key of the tenant's group; one that nobody has for any other id.

    Of the key PostgreSQL knows how many contacts to expect, of the id it does not.
    """
    public_id = decode_id(Group.ID_PREFIX, external_id)
    if public_id is None:
        return 0
    known = Group.objects.filter(tenant=tenant, public_id=public_id).values_list("pk", flat=True)
    return known.first() or 0


def groups_named(tenant: Tenant, external_ids: Sequence[str], *, path: str) -> list[Group]:
    """The tenant's groups with these ids, in one query.

    Raises InvalidInput, at `path[n]`, for each that the tenant does not have.
    """
    public_ids = [decode_id(Group.ID_PREFIX, external_id) for external_id in external_ids]
    known = Group.objects.filter(tenant=tenant, public_id__in=filter(None, public_ids))
    groups = {group.public_id: group for group in known}
    issues = tuple(
        Issue(f"{path}[{n}]", "not_found", "There is no such group.")
        for n, public_id in enumerate(public_ids)
        if public_id not in groups
    )
    if issues:
        raise InvalidInput(issues=issues)
    return list(groups.values())


def opt_outs_for(tenant: Tenant) -> QuerySet[OptOut]:
    """The numbers that want no more messages of the tenant."""
    return OptOut.objects.filter(tenant=tenant)


def opt_out_for(tenant: Tenant, number: str) -> OptOut:
    """The opt-out of `number`, in its stored form; raises NotFound when it has not opted out."""
    found = opt_outs_for(tenant).filter(number=number).first()
    if found is None:
        raise NotFound
    return found
