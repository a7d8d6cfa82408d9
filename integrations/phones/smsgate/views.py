"""What the app calls: parse, call a service, answer."""

from __future__ import annotations

import msgspec
import structlog
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone

from accounts.api.authentication import client_address
from accounts.api.views import json_response
from accounts.errors import InvalidInput, NotFound
from accounts.ids import decode_short_id
from devices.models import Device
from integrations.phones.smsgate.authentication import (
    authenticate,
    pairing_digits,
    recognise,
    version_told,
)
from integrations.phones.smsgate.bodies import MAX_EVENT_BYTES, decode, read_bytes
from integrations.phones.smsgate.errors import NotSupported
from integrations.phones.smsgate.inputs import DeviceIn, EventIn, StateIn
from integrations.phones.smsgate.messages import AT_ONCE, to_cancel, to_send
from integrations.phones.smsgate.models import PairedApp
from integrations.phones.smsgate.services import registration
from integrations.phones.smsgate.services.inbound import PING, take_event
from integrations.phones.smsgate.services.presence import note_clock, note_contact
from integrations.phones.smsgate.services.reporting import record_states
from integrations.phones.smsgate.signatures import TRUSTED_SKEW, is_path_secret, verify
from integrations.phones.smsgate.streams import Listener, stations
from integrations.phones.smsgate.versions import Feature, has
from messaging.queries import wanted_back
from messaging.services.leases import offer_messages

log = structlog.get_logger(__name__)


def register(request: HttpRequest) -> HttpResponse:
    """Pair by code; whoever comes with anything else is refused."""
    digits = pairing_digits(request)
    registered = registration.register_phone(
        digits=digits,
        told=decode(read_bytes(request), DeviceIn),
        version=version_told(request),
        address=client_address(request),
    )
    answer = {"id": registered.id, "token": registered.token, "login": registered.login}
    return json_response(answer, status=201)


def update(request: HttpRequest) -> HttpResponse:
    """The app has started."""
    caller = authenticate(request)
    told = decode(read_bytes(request), DeviceIn)
    registration.update_phone(app=caller.app, told=told, version=caller.version)
    return HttpResponse(status=204)


def address(request: HttpRequest) -> HttpResponse:
    """From where the phone is seen; for everybody."""
    return json_response({"externalIp": client_address(request)})


def list_messages(request: HttpRequest) -> HttpResponse:
    """What is to be sent, and what is wanted back; `order` is ours, as the phone sorts by time."""
    app, _, version = authenticate(request)
    registration.remember_version(app, version)
    note_contact(app)
    now, lease = timezone.now(), offer_messages(device_id=app.device_id)
    messages = [
        to_send(offer, now=now, skew_seconds=app.clock_skew_seconds) for offer in lease.offers
    ]
    if lease.cancels and has(version, Feature.CANCELLING):
        messages += [to_cancel(message) for message in wanted_back(device_id=app.device_id)]
    return json_response(messages[:AT_ONCE])


def report_states(request: HttpRequest) -> HttpResponse:
    """What became of messages. An element that makes no sense does not stop the others."""
    app = recognise(request).app
    states = []
    for element in decode(read_bytes(request), list[msgspec.Raw]):
        try:
            states.append(decode(element, StateIn))
        except InvalidInput as error:
            log.warning("report not understood", device=app.device_id, error=error.message)
    if app.device.tenant.is_active:
        note_contact(app)
    record_states(device=app.device, states=states)
    return HttpResponse(status=204)


def show_settings(request: HttpRequest) -> HttpResponse:
    """What the app shall be like."""
    caller = authenticate(request)
    note_contact(caller.app)
    return json_response(registration.tell_settings(caller.app))


def list_webhooks(request: HttpRequest) -> HttpResponse:
    """Where the app posts what happens on the phone."""
    caller = authenticate(request)
    note_contact(caller.app)
    return json_response(registration.tell_webhooks(caller.app, caller.version))


def events(request: HttpRequest) -> StreamingHttpResponse:
    """The stream by which the phone is woken. It holds no thread (gateway_site/handler.py)."""
    app, token_id, version = authenticate(request)
    listener = Listener(app.device.tenant_id, app.device_id, token_id, version)
    return StreamingHttpResponse(
        stations.listen(listener),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


def take(request: HttpRequest, device: str, secret: str) -> HttpResponse:
    """An event that the phone posts to the URL of its webhook list."""
    app = _posting_app(device, secret)
    body = read_bytes(request, most=MAX_EVENT_BYTES)
    skew = verify(
        app,
        body,
        signature=request.META.get("HTTP_X_SIGNATURE", ""),
        timestamp=request.META.get("HTTP_X_TIMESTAMP", ""),
    )
    if abs(skew) > TRUSTED_SKEW:
        log.warning("phone's clock is wrong", device=app.device_id, seconds_ahead=skew)
    note_clock(app, skew)
    if app.device.status == Device.Status.REVOKED:  # it goes on for days unless it is answered
        return HttpResponse(status=204)
    event = decode(body, EventIn)
    if app.device.tenant.is_active and event.event != PING:  # which tells more than a contact
        note_contact(app)
    try:
        take_event(app=app, event=event, body=body)
    except InvalidInput as error:
        log.warning("event not understood", device=app.device_id, error=error.message)
    return HttpResponse(status=204)


def refuse(request: HttpRequest) -> HttpResponse:
    """Logins and passwords: phones are paired by code."""
    raise NotSupported


def unknown(request: HttpRequest) -> HttpResponse:
    """404 in the app's shape."""
    raise NotFound


def _posting_app(wire_id: str, secret: str) -> PairedApp:
    """The phone whose URL this is; raises NotFound."""
    public_id = decode_short_id(wire_id)
    apps = PairedApp.objects.select_related("device__tenant")
    app = apps.filter(device__public_id=public_id).first() if public_id else None
    if app is None or not is_path_secret(app.device, secret):
        raise NotFound
    return app
