"""`/v1/webhooks` (the tenant's first endpoint) and `/v1/webhooks/endpoints` (all of them)."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from accounts.api.bodies import read_body
from accounts.api.views import NativeView, json_response
from webhooks.api.inputs import EndpointIn, EndpointPatch, ReplayIn, WebhookIn
from webhooks.api.outputs import (
    DeliveryRowOut,
    EndpointOut,
    EndpointsOut,
    NewEndpointOut,
    ReplayedOut,
    RotatedSecretOut,
    WebhookOut,
    WebhookSetOut,
    delivery_row_out,
    endpoint_out,
    new_endpoint_out,
    rotated_secret_out,
    webhook_out,
)
from webhooks.queries import endpoint_for, endpoints_for, first_endpoint_for
from webhooks.services import endpoints as services
from webhooks.services.outbox import send_test_event
from webhooks.services.replay import replay_failed

_STATES = {
    "enabled": services.enable_endpoint,
    "paused": services.pause_endpoint,
    "disabled": services.disable_endpoint,
}


class WebhookView(NativeView):
    scopes = {"GET": "webhooks:read", "PUT": "webhooks:write"}

    @extend_schema(operation_id="getWebhook", tags=["webhooks"], responses=WebhookOut)
    def get(self, request: HttpRequest) -> HttpResponse:
        """Where inbound messages are pushed: the account's first endpoint."""
        return json_response(webhook_out(first_endpoint_for(self.tenant)))

    @extend_schema(
        operation_id="setWebhook", tags=["webhooks"], request=WebhookIn, responses=WebhookSetOut
    )
    def put(self, request: HttpRequest) -> HttpResponse:
        """Say where inbound messages are pushed; 404 until a phone was paired."""
        endpoint = first_endpoint_for(self.tenant)
        wanted = read_body(request, WebhookIn)
        with transaction.atomic():
            services.update_endpoint(
                endpoint=endpoint, url=wanted.url, events=wanted.events, actor=None
            )
            if wanted.enabled is not None:
                change = _STATES["enabled" if wanted.enabled else "disabled"]
                change(endpoint=endpoint, actor=None)
        return json_response(WebhookSetOut(True, endpoint.external_id))


class EndpointsView(NativeView):
    scopes = {"GET": "webhooks:read", "POST": "webhooks:write"}

    @extend_schema(operation_id="listEndpoints", tags=["webhooks"], responses=EndpointsOut)
    def get(self, request: HttpRequest) -> HttpResponse:
        """All endpoints, oldest first; 20 at most."""
        endpoints = [endpoint_out(endpoint) for endpoint in endpoints_for(self.tenant)]
        return json_response(EndpointsOut(endpoints))

    @extend_schema(
        operation_id="createEndpoint",
        tags=["webhooks"],
        request=EndpointIn,
        responses={201: NewEndpointOut},
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Tell one more system. The signing secret is shown this once."""
        wanted = read_body(request, EndpointIn)
        endpoint, secret = services.create_endpoint(
            tenant=self.tenant,
            url=wanted.url,
            events=wanted.events,
            name=wanted.name,
            actor=None,
        )
        return json_response(new_endpoint_out(endpoint, secret), status=201)


class EndpointView(NativeView):
    scopes = {"GET": "webhooks:read", "PATCH": "webhooks:write", "DELETE": "webhooks:write"}

    @extend_schema(operation_id="getEndpoint", tags=["webhooks"], responses=EndpointOut)
    def get(self, request: HttpRequest, endpoint_id: str) -> HttpResponse:
        """One endpoint, with how it goes."""
        return json_response(endpoint_out(endpoint_for(self.tenant, endpoint_id)))

    @extend_schema(
        operation_id="updateEndpoint",
        tags=["webhooks"],
        request=EndpointPatch,
        responses=EndpointOut,
    )
    def patch(self, request: HttpRequest, endpoint_id: str) -> HttpResponse:
        """Rename, redirect, subscribe anew, pause, disable, enable; all of it or nothing."""
        endpoint = endpoint_for(self.tenant, endpoint_id)
        wanted = read_body(request, EndpointPatch)
        with transaction.atomic():
            services.update_endpoint(
                endpoint=endpoint,
                name=wanted.name,
                url=wanted.url,
                events=wanted.events,
                actor=None,
            )
            if wanted.state is not None:
                _STATES[wanted.state](endpoint=endpoint, actor=None)
        return json_response(endpoint_out(endpoint_for(self.tenant, endpoint_id)))

    @extend_schema(operation_id="deleteEndpoint", tags=["webhooks"], responses={204: None})
    def delete(self, request: HttpRequest, endpoint_id: str) -> HttpResponse:
        """Tell this system no more. The account's first endpoint stays: its secret signs more."""
        services.delete_endpoint(endpoint=endpoint_for(self.tenant, endpoint_id), actor=None)
        return HttpResponse(status=204)


class RotateSecretView(NativeView):
    scopes = {"POST": "webhooks:write"}

    @extend_schema(
        operation_id="rotateEndpointSecret",
        tags=["webhooks"],
        request=None,
        responses=RotatedSecretOut,
    )
    def post(self, request: HttpRequest, endpoint_id: str) -> HttpResponse:
        """A new signing secret, shown this once; the old one signs too for 24 hours."""
        endpoint = endpoint_for(self.tenant, endpoint_id)
        secret = services.rotate_secret(endpoint=endpoint, actor=None)
        return json_response(rotated_secret_out(endpoint, secret))


class EndpointTestView(NativeView):
    scopes = {"POST": "webhooks:write"}

    @extend_schema(
        operation_id="testEndpoint",
        tags=["webhooks"],
        request=None,
        responses={202: DeliveryRowOut},
    )
    def post(self, request: HttpRequest, endpoint_id: str) -> HttpResponse:
        """Send a made-up event; the delivery log tells how it went."""
        delivery = send_test_event(endpoint=endpoint_for(self.tenant, endpoint_id))
        return json_response(delivery_row_out(delivery), status=202)


class EndpointReplayView(NativeView):
    scopes = {"POST": "webhooks:write"}

    @extend_schema(
        operation_id="replayEndpoint",
        tags=["webhooks"],
        request=ReplayIn,
        responses={202: ReplayedOut},
    )
    def post(self, request: HttpRequest, endpoint_id: str) -> HttpResponse:
        """Send again what failed or is held since then."""
        endpoint = endpoint_for(self.tenant, endpoint_id)
        wanted = read_body(request, ReplayIn)
        count = replay_failed(tenant=self.tenant, endpoint=endpoint, since=wanted.since)
        return json_response(ReplayedOut(count), status=202)
