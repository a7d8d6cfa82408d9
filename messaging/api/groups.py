"""`/v1/groups` and who is in them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from accounts.api.bodies import read_body
from accounts.api.lists import PageQuery, page_of, read_query
from accounts.api.openapi import query_parameters
from accounts.api.times import iso
from accounts.api.views import NativeView, json_response
from messaging.directory import contact_for, group_for, groups_for
from messaging.models import Group
from messaging.services.directory import (
    add_to_group,
    create_group,
    delete_group,
    remove_from_group,
    rename_group,
)

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class GroupIn(msgspec.Struct):
    name: Name


class GroupPatch(msgspec.Struct):
    """What may be changed; a field that is absent stays."""

    name: Name | None = None


class GroupsQuery(PageQuery):
    """The query string of the list."""


class GroupOut(msgspec.Struct, rename="camel"):
    id: str
    name: str
    contact_count: int
    created_at: str


class GroupsOut(msgspec.Struct, rename="camel"):
    """Newest first; `nextCursor` is null on the last page."""

    data: list[GroupOut]
    next_cursor: str | None


def group_out(group: Group) -> GroupOut:
    """`group` as `groups_for` reads it."""
    return GroupOut(
        group.external_id,
        group.name,
        group.contact_count,  # type: ignore[attr-defined]  # of groups_for
        iso(group.created_at) or "",
    )


class GroupsView(NativeView):
    scopes = {"GET": "contacts:read", "POST": "contacts:write"}

    @extend_schema(
        operation_id="listGroups",
        tags=["groups"],
        parameters=query_parameters(GroupsQuery),
        responses=GroupsOut,
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        """Groups, newest first; `GET /v1/contacts?groupId=` lists who is in one."""
        query = read_query(request.GET.dict(), GroupsQuery)
        page, next_cursor = page_of(groups_for(self.tenant), tenant=self.tenant, query=query)
        return json_response(GroupsOut([group_out(group) for group in page], next_cursor))

    @extend_schema(
        operation_id="createGroup", tags=["groups"], request=GroupIn, responses={201: GroupOut}
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Add a group; 409 if the name is taken."""
        group = create_group(tenant=self.tenant, name=read_body(request, GroupIn).name)
        return json_response(group_out(group_for(self.tenant, group.external_id)), status=201)


class GroupView(NativeView):
    scopes = {"GET": "contacts:read", "PATCH": "contacts:write", "DELETE": "contacts:write"}

    @extend_schema(operation_id="getGroup", tags=["groups"], responses=GroupOut)
    def get(self, request: HttpRequest, group_id: str) -> HttpResponse:
        """One group."""
        return json_response(group_out(group_for(self.tenant, group_id)))

    @extend_schema(
        operation_id="updateGroup", tags=["groups"], request=GroupPatch, responses=GroupOut
    )
    def patch(self, request: HttpRequest, group_id: str) -> HttpResponse:
        """Rename the group; 409 if the name is taken."""
        group = group_for(self.tenant, group_id)
        change = read_body(request, GroupPatch)
        if change.name is not None:
            rename_group(group=group, name=change.name)
        return json_response(group_out(group_for(self.tenant, group_id)))

    @extend_schema(operation_id="deleteGroup", tags=["groups"], responses={204: None})
    def delete(self, request: HttpRequest, group_id: str) -> HttpResponse:
        """Delete the group; its contacts stay."""
        delete_group(group=group_for(self.tenant, group_id))
        return HttpResponse(status=204)


class MembershipView(NativeView):
    scopes = {"POST": "contacts:write", "DELETE": "contacts:write"}

    @extend_schema(operation_id="addToGroup", tags=["groups"], request=None, responses={204: None})
    def post(self, request: HttpRequest, group_id: str, contact_id: str) -> HttpResponse:
        """Put a contact into the group; nothing changes if it is there."""
        group = group_for(self.tenant, group_id)
        add_to_group(group=group, contact=contact_for(self.tenant, contact_id))
        return HttpResponse(status=204)

    @extend_schema(operation_id="removeFromGroup", tags=["groups"], responses={204: None})
    def delete(self, request: HttpRequest, group_id: str, contact_id: str) -> HttpResponse:
        """Take a contact out of the group; nothing changes if it is not there."""
        group = group_for(self.tenant, group_id)
        remove_from_group(group=group, contact=contact_for(self.tenant, contact_id))
        return HttpResponse(status=204)
