"""`/v1/messages`."""

from __future__ import annotations

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema

from accounts.api.bodies import decode, read_body, read_json_bytes
from accounts.api.lists import read_query
from accounts.api.openapi import query_parameters
from accounts.api.views import NativeView, json_response
from accounts.errors import GatewayError, InvalidInput
from accounts.services.idempotency import Answer, answer_once, fingerprint_of
from devices.numbers import InvalidNumber, parse_number
from messaging.api.inputs import BatchIn, ListQuery, MessageIn, PreviewIn, read_batch
from messaging.api.lists import page_of_messages
from messaging.api.outputs import (
    BatchOut,
    MessageOut,
    MessagesOut,
    PreviewOut,
    QueuedOut,
    batch_out,
    message_out,
    message_row_out,
    preview_out,
    queued_out,
)
from messaging.models import Message
from messaging.queries import message_for
from messaging.segments import segment
from messaging.services.outbound import Queued, cancel_message, queue_batch, queue_message

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="At most 255 printable ASCII characters; kept for 24 hours. The same key and body "
    "get the first answer again, with `Idempotent-Replayed: true`.",
)


class _IdempotentView(NativeView):
    """A view whose POST may carry an Idempotency-Key."""

    max_bytes: int | None = None

    def _accept(self, request: HttpRequest) -> HttpResponse:
        body = read_json_bytes(request, max_bytes=self.max_bytes)
        key = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if key is None:
            return _as_response(self._work(body))
        # A test send must never pass for the live one: the same key with the other mode is refused.
        method = "POST test" if self.api_key.is_test else "POST"
        fingerprint = fingerprint_of(method=method, path=request.path, body=body)
        answer = answer_once(
            tenant=self.tenant, key=key, fingerprint=fingerprint, work=lambda: self._work(body)
        )
        return _as_response(answer)

    def _work(self, body: bytes) -> Answer:
        raise NotImplementedError


class MessagesView(_IdempotentView):
    scopes = {"GET": "messages:read", "POST": "messages:send"}

    @extend_schema(
        operation_id="sendMessage",
        tags=["messages"],
        parameters=[IDEMPOTENCY_KEY],
        request=MessageIn,
        responses={202: QueuedOut},
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Send one text. It is stored before the answer; the phone sends it within seconds."""
        return self._accept(request)

    def _work(self, body: bytes) -> Answer:
        draft = decode(body, MessageIn).draft(self.api_key)
        queued = queue_message(tenant=self.tenant, draft=draft, origin=Message.Origin.API)
        return Answer(202, msgspec.json.encode(queued_out(queued)))

    @extend_schema(
        operation_id="listMessages",
        tags=["messages"],
        parameters=query_parameters(ListQuery),
        responses=MessagesOut,
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        """Messages, newest first."""
        query = read_query(request.GET.dict(), ListQuery)
        messages, next_cursor = page_of_messages(self.tenant, query)
        return json_response(MessagesOut([message_row_out(m) for m in messages], next_cursor))


class BatchView(_IdempotentView):
    scopes = {"POST": "messages:send"}
    max_bytes = settings.BATCH_MAX_BODY_BYTES

    @extend_schema(
        operation_id="sendBatch",
        tags=["messages"],
        parameters=[IDEMPOTENCY_KEY],
        request=BatchIn,
        responses={202: BatchOut},
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Send up to 10,000 texts in one commit; a bad one does not stop the others."""
        return self._accept(request)

    def _work(self, body: bytes) -> Answer:
        items = read_batch(body).drafts(self.api_key)
        good = [item for item in items if not isinstance(item, GatewayError)]
        queued = iter(queue_batch(tenant=self.tenant, drafts=good, origin=Message.Origin.API))
        results: list[Queued | GatewayError] = [
            item if isinstance(item, GatewayError) else next(queued) for item in items
        ]
        return Answer(202, msgspec.json.encode(batch_out(results)))


class MessageView(NativeView):
    scopes = {"GET": "messages:read"}

    @extend_schema(operation_id="getMessage", tags=["messages"], responses=MessageOut)
    def get(self, request: HttpRequest, message_id: str) -> HttpResponse:
        """One message, with what became of it."""
        return json_response(message_out(message_for(self.tenant, message_id)))


class CancelView(NativeView):
    scopes = {"POST": "messages:send"}

    @extend_schema(
        operation_id="cancelMessage",
        tags=["messages"],
        request=None,
        responses={200: MessageOut, 202: MessageOut},
    )
    def post(self, request: HttpRequest, message_id: str) -> HttpResponse:
        """Stop a message: 200 when canceled, 202 when its phone was asked, 409 if too late."""
        is_canceled = cancel_message(message=message_for(self.tenant, message_id))
        message = message_for(self.tenant, message_id)
        return json_response(message_out(message), status=200 if is_canceled else 202)


class PreviewView(NativeView):
    scopes = {"POST": "messages:send"}

    @extend_schema(
        operation_id="previewMessage", tags=["messages"], request=PreviewIn, responses=PreviewOut
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Encoding, segments and cost of a text, without sending it."""
        body = read_body(request, PreviewIn)
        try:
            to = parse_number(body.to, self.tenant.default_country) if body.to else None
        except InvalidNumber as error:
            raise InvalidInput.at("to", "invalid_phone_number", str(error)) from error
        return json_response(preview_out(segment(body.text), to))


def _as_response(answer: Answer) -> HttpResponse:
    headers = {"Idempotent-Replayed": "true"} if answer.is_replayed else {}
    return HttpResponse(
        answer.body, status=answer.status, content_type="application/json", headers=headers
    )
