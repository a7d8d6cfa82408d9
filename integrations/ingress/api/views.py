"""`/v1/ingress`: ingresses for clients, and the door for business systems."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema

from accounts.api.authentication import client_address
from accounts.api.bodies import read_body
from accounts.api.views import NativeView, json_response
from accounts.errors import NotFound
from integrations.ingress.api.inputs import DryRunIn, IngressIn, IngressPatch
from integrations.ingress.api.outputs import (
    DryRunOut,
    IngressesOut,
    IngressOut,
    PayloadsOut,
    dry_run_out,
    ingress_out,
    payload_out,
)
from integrations.ingress.bodies import Posted
from integrations.ingress.models import Ingress
from integrations.ingress.queries import ingress_for, ingresses_for, payload_of, payloads_of
from integrations.ingress.services import ingresses as services
from integrations.ingress.services.admission import admit, ingress_of
from integrations.ingress.services.log import KEPT
from integrations.ingress.services.receiving import IngressAnswer, receive_payload
from integrations.ingress.services.rehearsal import payload_again, rehearse

READ, WRITE = "ingress:read", "ingress:write"
ANY_PAYLOAD: dict[Any, Any] = {
    "application/json": OpenApiTypes.ANY,
    "application/x-www-form-urlencoded": OpenApiTypes.OBJECT,
    "multipart/form-data": OpenApiTypes.OBJECT,
}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="As for sendMessage: the same key and body get the first answer again for a day.",
)


class _View(NativeView):
    """A view that shows ingresses: whole URLs to those who may change them."""

    def _out(self, ingress: Ingress) -> IngressOut:
        return ingress_out(ingress, shows_token=WRITE in self.api_key.scopes)

    def _ingress(self, ingress_id: str) -> Ingress:
        return ingress_for(self.tenant, ingress_id)


class IngressesView(_View):
    scopes = {"GET": READ, "POST": WRITE}

    @extend_schema(operation_id="listIngresses", tags=["ingress"], responses=IngressesOut)
    def get(self, request: HttpRequest) -> HttpResponse:
        """All ingresses, oldest first."""
        return json_response(IngressesOut([self._out(row) for row in ingresses_for(self.tenant)]))

    @extend_schema(
        operation_id="createIngress",
        tags=["ingress"],
        request=IngressIn,
        responses={201: IngressOut},
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Make an address to which a business system can post its own JSON."""
        wish = read_body(request, IngressIn).wish()
        ingress = services.create_ingress(tenant=self.tenant, wish=wish, actor=None)
        return json_response(self._out(ingress), status=201)


class IngressView(_View):
    """One path for two: `wkh_…` with a key, and POST to `ig_…`, which authorises by itself."""

    scopes = {"GET": READ, "PUT": WRITE, "PATCH": WRITE, "DELETE": WRITE}

    @extend_schema(operation_id="getIngress", tags=["ingress"], responses=IngressOut)
    def get(self, request: HttpRequest, ingress_id: str) -> HttpResponse:
        """One ingress, by its `wkh_…` id."""
        return json_response(self._out(self._ingress(ingress_id)))

    @extend_schema(
        operation_id="replaceIngress", tags=["ingress"], request=IngressPatch, responses=IngressOut
    )
    def put(self, request: HttpRequest, ingress_id: str) -> HttpResponse:
        """The same as PATCH: what is left out stays, the signing secret in particular."""
        return self._change(request, ingress_id)

    @extend_schema(
        operation_id="updateIngress", tags=["ingress"], request=IngressPatch, responses=IngressOut
    )
    def patch(self, request: HttpRequest, ingress_id: str) -> HttpResponse:
        """Change what is given; null takes a path, template, secret or URL away."""
        return self._change(request, ingress_id)

    @extend_schema(operation_id="deleteIngress", tags=["ingress"], responses={204: None})
    def delete(self, request: HttpRequest, ingress_id: str) -> HttpResponse:
        """Delete the ingress; its URL is dead at once, and its log is gone."""
        services.delete_ingress(ingress=self._ingress(ingress_id), actor=None)
        return HttpResponse(status=204)

    @extend_schema(
        operation_id="postToIngress",
        tags=["ingress"],
        parameters=[IDEMPOTENCY_KEY],
        request=ANY_PAYLOAD,
        responses={202: IngressAnswer},
        auth=[],
    )
    def post(self, request: HttpRequest, ingress_id: str) -> HttpResponse:
        """For business systems: post any JSON to the `ig_…` URL, and an SMS goes out. No key."""
        ingress = ingress_of(token=ingress_id, address=client_address(request))
        request.tenant_id = ingress.tenant_id  # type: ignore[attr-defined]
        posted = _posted(request, ingress)
        request.rate_allowance = admit(ingress=ingress, posted=posted)  # type: ignore[attr-defined]
        answer = receive_payload(ingress=ingress, posted=posted, path=request.path)
        headers = {"Idempotent-Replayed": "true"} if answer.is_replayed else {}
        return HttpResponse(
            answer.body, status=answer.status, content_type="application/json", headers=headers
        )

    def _change(self, request: HttpRequest, ingress_id: str) -> HttpResponse:
        ingress = self._ingress(ingress_id)
        changes = read_body(request, IngressPatch).changes()
        services.update_ingress(ingress=ingress, changes=changes, actor=None)
        return json_response(self._out(ingress))


class RotateTokenView(_View):
    scopes = {"POST": WRITE}

    @extend_schema(
        operation_id="rotateIngressToken", tags=["ingress"], request=None, responses=IngressOut
    )
    def post(self, request: HttpRequest, ingress_id: str) -> HttpResponse:
        """A new URL; the old one answers 404 from now on."""
        ingress = self._ingress(ingress_id)
        services.rotate_token(ingress=ingress, actor=None)
        return json_response(self._out(ingress))


class PayloadsView(_View):
    scopes = {"GET": READ}

    @extend_schema(operation_id="listIngressPayloads", tags=["ingress"], responses=PayloadsOut)
    def get(self, request: HttpRequest, ingress_id: str) -> HttpResponse:
        """The last 50 payloads, newest first, with what was found in them and what was answered."""
        payloads = payloads_of(self._ingress(ingress_id))[:KEPT]
        return json_response(PayloadsOut([payload_out(payload) for payload in payloads]))


class DryRunView(_View):
    scopes = {"POST": READ}

    @extend_schema(
        operation_id="dryRunIngress", tags=["ingress"], request=DryRunIn, responses=DryRunOut
    )
    def post(self, request: HttpRequest, ingress_id: str) -> HttpResponse:
        """What would be found in a payload, and the SMS that would go out. Nothing is sent."""
        ingress = self._ingress(ingress_id)
        body = read_body(request, DryRunIn)
        body.check()
        payload = body.payload
        if body.payload_id is not None:
            logged = payload_of(ingress, body.payload_id)
            if logged is None:
                raise NotFound
            payload = payload_again(logged)
        return json_response(dry_run_out(rehearse(ingress=ingress, payload=payload)))


def _posted(request: HttpRequest, ingress: Ingress) -> Posted:
    """The body (a byte more than is allowed when it is too large) and the headers that matter."""
    return Posted(
        body=request.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1),
        content_type=request.META.get("CONTENT_TYPE", ""),
        signature=request.headers.get(ingress.signing_header, ""),
        idempotency_key=request.headers.get("Idempotency-Key"),
    )
