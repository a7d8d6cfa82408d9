"""`/v1/contacts`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from accounts.api.bodies import read_body
from accounts.api.lists import PageQuery, page_of, read_query
from accounts.api.openapi import query_parameters
from accounts.api.times import iso
from accounts.api.views import NativeView, json_response
from accounts.models import Tenant
from devices.numbers import parse_sender
from messaging.directory import contact_for, contacts_for, contacts_named, group_key, groups_named
from messaging.models import Contact
from messaging.queries import opted_out
from messaging.services.directory import (
    FIELD_NAME,
    MAX_FIELD,
    MAX_FIELDS,
    MAX_NAME,
    ContactDetails,
    create_contact,
    delete_contact,
    update_contact,
)

Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
# The names and lengths are checked by the service, which says of which field it speaks.
FIELDS_SCHEMA = {
    "propertyNames": {"pattern": f"^{FIELD_NAME}$"},
    "additionalProperties": {"type": "string", "maxLength": MAX_FIELD},
    "maxProperties": MAX_FIELDS,
}
Fields = Annotated[dict[str, str], msgspec.Meta(extra_json_schema=FIELDS_SCHEMA)]
GroupIds = Annotated[list[str], msgspec.Meta(max_length=100)]


class ContactPatch(msgspec.Struct):
    """What may be changed; a field that is absent stays. `fields` and `groups` are replaced."""

    number: str | None = None
    name: Name | None = None
    fields: Fields | None = None
    groups: GroupIds | None = None

    def details(self, tenant: Tenant) -> ContactDetails:
        """As the service wants them; raises InvalidInput for a group that is none."""
        groups = None if self.groups is None else groups_named(tenant, self.groups, path="groups")
        return ContactDetails(self.number, self.name, self.fields, groups)


class ContactIn(msgspec.Struct):
    """A new contact: `groups` are ids, `fields` the tenant's own texts, for templates."""

    number: str
    name: Name = ""
    fields: Fields = {}
    groups: GroupIds = []

    def details(self, tenant: Tenant) -> ContactDetails:
        """As the service wants them; raises InvalidInput for a group that is none."""
        groups = groups_named(tenant, self.groups, path="groups") if self.groups else []
        return ContactDetails(self.number, self.name, self.fields, groups)


class ContactsQuery(PageQuery):
    """The query string of the list; every filter narrows."""

    number: str | None = None
    q: (
        Annotated[
            str,
            msgspec.Meta(
                min_length=1, max_length=100, description="How the name starts, in any case."
            ),
        ]
        | None
    ) = None
    group_id: str | None = None

    def narrow(self, contacts: QuerySet[Contact], tenant: Tenant) -> QuerySet[Contact]:
        """Those of the tenant's `contacts` that pass all filters."""
        if self.number is not None:
            contacts = contacts.filter(number=parse_sender(self.number, tenant.default_country))
        if self.q is not None:
            contacts = contacts_named(contacts, self.q)
        if self.group_id is not None:
            contacts = contacts.filter(groups=group_key(tenant, self.group_id))
        return contacts


class ContactOut(msgspec.Struct, rename="camel"):
    """`number` as messages have it; `groups` are ids."""

    id: str
    number: str
    name: str | None
    fields: dict[str, str]
    groups: list[str]
    is_opted_out: bool
    created_at: str
    last_inbound_at: str | None


class ContactsOut(msgspec.Struct, rename="camel"):
    """Newest first; `nextCursor` is null on the last page."""

    data: list[ContactOut]
    next_cursor: str | None


def contacts_out(tenant: Tenant, contacts: list[Contact]) -> list[ContactOut]:
    """The tenant's `contacts` (with their groups prefetched), and who opted out, in one query."""
    gone = opted_out(tenant, [contact.number for contact in contacts]) if contacts else set()
    return [_contact_out(contact, contact.number in gone) for contact in contacts]


def _contact_out(contact: Contact, is_opted_out: bool) -> ContactOut:
    return ContactOut(
        contact.external_id,
        contact.number,
        contact.name or None,
        contact.fields,
        [group.external_id for group in contact.groups.all()],
        is_opted_out,
        iso(contact.created_at) or "",
        iso(contact.last_inbound_at),
    )


class ContactsView(NativeView):
    scopes = {"GET": "contacts:read", "POST": "contacts:write"}

    @extend_schema(
        operation_id="listContacts",
        tags=["contacts"],
        parameters=query_parameters(ContactsQuery),
        responses=ContactsOut,
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        """Contacts, newest first."""
        query = read_query(request.GET.dict(), ContactsQuery)
        contacts = query.narrow(contacts_for(self.tenant), self.tenant)
        page, next_cursor = page_of(contacts, tenant=self.tenant, query=query)
        return json_response(ContactsOut(contacts_out(self.tenant, page), next_cursor))

    @extend_schema(
        operation_id="createContact",
        tags=["contacts"],
        request=ContactIn,
        responses={201: ContactOut},
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Add a contact; 409 if the number has one, which its first inbound text makes too."""
        details = read_body(request, ContactIn).details(self.tenant)
        contact = create_contact(tenant=self.tenant, details=details)
        return _shown(self.tenant, contact.external_id, status=201)


class ContactView(NativeView):
    scopes = {"GET": "contacts:read", "PATCH": "contacts:write", "DELETE": "contacts:write"}

    @extend_schema(operation_id="getContact", tags=["contacts"], responses=ContactOut)
    def get(self, request: HttpRequest, contact_id: str) -> HttpResponse:
        """One contact."""
        return _shown(self.tenant, contact_id)

    @extend_schema(
        operation_id="updateContact", tags=["contacts"], request=ContactPatch, responses=ContactOut
    )
    def patch(self, request: HttpRequest, contact_id: str) -> HttpResponse:
        """Change number, name, fields or groups; all of it or nothing."""
        contact = contact_for(self.tenant, contact_id)
        details = read_body(request, ContactPatch).details(self.tenant)
        update_contact(contact=contact, details=details)
        return _shown(self.tenant, contact_id)

    @extend_schema(operation_id="deleteContact", tags=["contacts"], responses={204: None})
    def delete(self, request: HttpRequest, contact_id: str) -> HttpResponse:
        """Delete the contact and take it out of its groups; messages and opt-out stay."""
        delete_contact(contact=contact_for(self.tenant, contact_id))
        return HttpResponse(status=204)


def _shown(tenant: Tenant, contact_id: str, *, status: int = 200) -> HttpResponse:
    (out,) = contacts_out(tenant, [contact_for(tenant, contact_id)])
    return json_response(out, status=status)
