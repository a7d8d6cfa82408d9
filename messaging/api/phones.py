"""`/v1/device/frames`: the frames of the device protocol for phones that hold no socket."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema

from accounts.api.lists import read_query
from accounts.api.openapi import query_parameters
from accounts.api.views import NativeView, json_response
from accounts.services.limits import Limit, spend
from devices.api.authentication import authorize_phone
from devices.api.inputs import FramesQuery, read_frames
from devices.errors import TooManyPolls
from devices.frames import FRAMES_PER_WINDOW, WINDOW_SECONDS
from devices.hub import hub
from devices.models import DeviceToken
from devices.wakeup import nudge
from messaging.conversation import GatewayConversation, frames_of
from messaging.long_poll import LongPoll
from messaging.services.leases import offer_messages

# Of the phone's patience a wait takes this much, so that it is no silence.
LONGEST_SHARE = 0.8
_FRAMES = {
    "type": "array",
    "maxItems": 100,
    "items": {
        "type": "object",
        "description": "A frame of docs/device-protocol.md.",
        "properties": {"type": {"type": "string"}},
        "required": ["type"],
    },
}
_ANSWER = {(200, "application/json"): {key: _FRAMES[key] for key in ("type", "items")}}


class FramesView(NativeView):
    # No HEAD: it would take messages and drop them.
    http_method_names = ["get", "post", "options"]

    @extend_schema(
        operation_id="sendFrames",
        tags=["phones"],
        request={"application/json": _FRAMES},
        responses=_ANSWER,
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """For phones without a socket: say frames, and get what answers them, in their order."""
        token = authorize_phone(request)
        frames = read_frames(request)
        _count(token, max(1, len(frames)))
        conversation = GatewayConversation(token.device)
        answers = conversation.answer_all(frames)
        if conversation.may_have_work:  # for the phone's request that waits, wherever it does
            nudge([(token.device.tenant_id, token.device_id)])
        return json_response(answers)

    @extend_schema(
        operation_id="waitForFrames",
        tags=["phones"],
        parameters=query_parameters(FramesQuery),
        responses=_ANSWER,
    )
    def get(self, request: HttpRequest) -> HttpResponseBase:
        """For phones without a socket: wait for messages to send or to cancel."""
        token = authorize_phone(request)
        wait = read_query(request.GET.dict(), FramesQuery).wait
        _count(token, 1)
        if wait == 0:
            response: HttpResponseBase = json_response(_due(token))
        elif hub.has_room(token.device_id):
            seconds = min(wait, LONGEST_SHARE * token.device.patience.total_seconds())
            content = LongPoll(token).answer(seconds)
            response = StreamingHttpResponse(content, content_type="application/json")
        else:
            raise TooManyPolls
        response["Cache-Control"] = "no-store"
        return response


def _count(token: DeviceToken, frames: int) -> None:
    """Raises RateLimited when the phone sends more than one that holds a socket may."""
    spend(Limit("frames", FRAMES_PER_WINDOW, WINDOW_SECONDS), str(token.device_id), frames)


def _due(token: DeviceToken) -> list[object]:
    return [*frames_of(offer_messages(device_id=token.device_id))]
