"""Registrations of their clients, which become endpoints of ours."""

from __future__ import annotations

from accounts.errors import InvalidInput, NotFound
from accounts.ids import new_id, short_id
from accounts.models import Tenant
from integrations.dialects.smsgate.auth import DIALECT
from integrations.dialects.smsgate.callbacks import EVENTS
from integrations.dialects.smsgate.inputs import WebhookIn
from integrations.dialects.smsgate.queries import phone_for
from webhooks.models import Endpoint
from webhooks.services.endpoints import DialectEndpoint, put_dialect_endpoint


def register_webhook(*, tenant: Tenant, wanted: WebhookIn) -> Endpoint:
    """The endpoint for one event at one URL; an id that is known gets both anew.

    Raises InvalidInput for the URL, the event or the device, LimitReached, and Conflict.
    """
    if wanted.event not in EVENTS:
        text = f"There is no event {wanted.event[:40]!r}."
        raise InvalidInput.at("event", "unknown_event", text)
    if wanted.device_id:
        try:
            phone_for(tenant, wanted.device_id)
        except NotFound as error:
            text = "There is no such device."
            raise InvalidInput.at("deviceId", "not_found", text) from error
    public_id = wanted.id or short_id(new_id())
    endpoint = DialectEndpoint(
        name=f"SMSGate {wanted.event}",
        url=wanted.url,
        events=EVENTS[wanted.event],
        format=DIALECT,
        options={"id": public_id, "event": wanted.event, "deviceId": wanted.device_id or ""},
    )
    return put_dialect_endpoint(tenant=tenant, wanted=endpoint)
