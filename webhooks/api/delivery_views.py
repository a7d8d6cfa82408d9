"""`/v1/webhooks/deliveries`: the log of what was sent and how that went."""

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from accounts.api.lists import read_query
from accounts.api.openapi import query_parameters
from accounts.api.views import NativeView, json_response
from webhooks.api.inputs import DeliveriesQuery
from webhooks.api.lists import page_of_deliveries
from webhooks.api.outputs import (
    DeliveriesOut,
    DeliveryOut,
    DeliveryRowOut,
    delivery_out,
    delivery_row_out,
)
from webhooks.queries import attempts_of, delivery_for
from webhooks.services.replay import replay_delivery


class DeliveriesView(NativeView):
    scopes = {"GET": "webhooks:read"}

    @extend_schema(
        operation_id="listDeliveries",
        tags=["webhooks"],
        parameters=query_parameters(DeliveriesQuery),
        responses=DeliveriesOut,
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        """Deliveries, newest first."""
        query = read_query(request.GET.dict(), DeliveriesQuery)
        deliveries, next_cursor = page_of_deliveries(self.tenant, query)
        return json_response(DeliveriesOut([delivery_row_out(d) for d in deliveries], next_cursor))


class DeliveryView(NativeView):
    scopes = {"GET": "webhooks:read"}

    @extend_schema(operation_id="getDelivery", tags=["webhooks"], responses=DeliveryOut)
    def get(self, request: HttpRequest, delivery_id: str) -> HttpResponse:
        """One delivery: the body, and each try with what came back."""
        delivery = delivery_for(self.tenant, delivery_id)
        return json_response(delivery_out(delivery, attempts_of(delivery)))


class DeliveryReplayView(NativeView):
    scopes = {"POST": "webhooks:write"}

    @extend_schema(
        operation_id="replayDelivery",
        tags=["webhooks"],
        request=None,
        responses={202: DeliveryRowOut},
    )
    def post(self, request: HttpRequest, delivery_id: str) -> HttpResponse:
        """Send the same bytes with the same id again."""
        replay_delivery(delivery=delivery_for(self.tenant, delivery_id))
        return json_response(delivery_row_out(delivery_for(self.tenant, delivery_id)), status=202)
