"""`/v1/opt-outs`: the numbers that want no more messages."""

from __future__ import annotations

import msgspec
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from accounts.api.bodies import read_body
from accounts.api.lists import PageQuery, page_of, read_query
from accounts.api.openapi import query_parameters
from accounts.api.times import iso
from accounts.api.views import NativeView, json_response
from accounts.errors import InvalidInput, NotFound
from devices.numbers import InvalidNumber, parse_number, parse_sender
from messaging.directory import opt_out_for, opt_outs_for
from messaging.models import OptOut
from messaging.services.opt_outs import opt_in, opt_out


class OptOutIn(msgspec.Struct):
    number: str


class OptOutsQuery(PageQuery):
    """The query string of the list."""

    number: str | None = None


class OptOutOut(msgspec.Struct, rename="camel"):
    """`source`: keyword (its owner sent STOP), rule, api or dashboard."""

    number: str
    source: str
    created_at: str


class OptOutsOut(msgspec.Struct, rename="camel"):
    """Newest first; `nextCursor` is null on the last page."""

    data: list[OptOutOut]
    next_cursor: str | None


def opt_out_out(opt_out: OptOut) -> OptOutOut:
    return OptOutOut(opt_out.number, opt_out.source, iso(opt_out.created_at) or "")


class OptOutsView(NativeView):
    scopes = {"GET": "contacts:read", "POST": "contacts:write"}

    @extend_schema(
        operation_id="listOptOuts",
        tags=["opt-outs"],
        parameters=query_parameters(OptOutsQuery),
        responses=OptOutsOut,
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        """The numbers that have opted out, newest first."""
        query = read_query(request.GET.dict(), OptOutsQuery)
        opt_outs = opt_outs_for(self.tenant)
        if query.number is not None:
            number = parse_sender(query.number, self.tenant.default_country)
            opt_outs = opt_outs.filter(number=number)
        page, next_cursor = page_of(opt_outs, tenant=self.tenant, query=query)
        return json_response(OptOutsOut([opt_out_out(row) for row in page], next_cursor))

    @extend_schema(
        operation_id="optOut",
        tags=["opt-outs"],
        request=OptOutIn,
        responses={200: OptOutOut, 201: OptOutOut},
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Send a number nothing more, nor what waits for it; 200 if it had opted out before."""
        raw = read_body(request, OptOutIn).number
        try:
            number = parse_number(raw, self.tenant.default_country)
        except InvalidNumber as error:
            raise InvalidInput.at("number", "invalid_phone_number", str(error)) from error
        is_new = opt_out(tenant=self.tenant, number=number, source=OptOut.Source.API)
        shown = opt_out_out(opt_out_for(self.tenant, number))
        return json_response(shown, status=201 if is_new else 200)


class OptOutView(NativeView):
    scopes = {"DELETE": "contacts:write"}

    @extend_schema(operation_id="optIn", tags=["opt-outs"], responses={204: None})
    def delete(self, request: HttpRequest, number: str) -> HttpResponse:
        """Let a number get messages again. Only its owner may ask for that."""
        stored = parse_sender(number, self.tenant.default_country)
        if "\x00" in stored or not opt_in(tenant=self.tenant, number=stored):
            raise NotFound
        return HttpResponse(status=204)
