"""What the ids in paths stand for, for the tests that try every route.

A route of an API with a new path parameter needs a line in ID_KINDS.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from django.utils import timezone

from accounts.ids import encode_id, new_id, short_id
from accounts.models import AccessToken
from accounts.services.access_tokens import issue_token
from accounts.services.api_keys import NewApiKey, create_api_key
from devices.models import Device
from integrations.dialects.smsgate.inputs import WebhookIn
from integrations.dialects.smsgate.models import Batch
from integrations.dialects.smsgate.services.webhooks import register_webhook
from integrations.ingress.models import Ingress, IngressPayload
from integrations.ingress.tests.factories import IngressFactory, IngressPayloadFactory
from messaging.models import Contact, Group, Message
from messaging.tests.factories import ContactFactory, GroupFactory, MessageFactory, OptOutFactory
from rules.models import Rule, RuleRun
from rules.tests.factories import RuleFactory
from webhooks.models import Delivery, Endpoint
from webhooks.tests.factories import DeliveryFactory, EndpointFactory


class IdKind(NamedTuple):
    """How a new row of a device's tenant is made, as its id; and an id that nobody has."""

    make: Callable[[Device], str]
    nobodys: Callable[[], str]


def public_id_of(model: Any, make: Callable[[Device], Any]) -> IdKind:
    """The kind of `model`, whose ids have a prefix."""
    return IdKind(
        lambda device: make(device).external_id,
        lambda: encode_id(model.ID_PREFIX, new_id()),
    )


def message_of(device: Device) -> Message:
    return MessageFactory(device=device, tenant=device.tenant)


def group_of(device: Device) -> Group:
    """A group with one contact."""
    group = GroupFactory(tenant=device.tenant)
    group.contacts.add(ContactFactory(tenant=device.tenant))
    return group


def payload_of(device: Device) -> IngressPayload:
    """A payload of the tenant's first ingress."""
    ingress = device.tenant.ingresses.first() or IngressFactory(tenant=device.tenant)
    return IngressPayloadFactory(ingress=ingress)


def rule_run_of(device: Device) -> RuleRun:
    """A run of a new rule of the tenant."""
    rule = RuleFactory(tenant=device.tenant)
    return RuleRun.objects.create(tenant=device.tenant, rule=rule, message=message_of(device))


def delivery_of(device: Device) -> Delivery:
    """A delivery that failed, to a new endpoint of the tenant that is not the first."""
    EndpointFactory(tenant=device.tenant)
    return DeliveryFactory(endpoint=EndpointFactory(tenant=device.tenant), failed=True)


def batch_of(device: Device) -> Batch:
    """A message of the SMSGate API that waits."""
    batch = Batch.objects.create(
        tenant=device.tenant, public_id=short_id(new_id()), created_at=timezone.now()
    )
    batch.messages.add(message_of(device))
    return batch


def registration_of(device: Device) -> Endpoint:
    """A webhook that was registered through the SMSGate API."""
    wanted = WebhookIn(url="https://hooks.example.com/sms", event="sms:sent")
    return register_webhook(tenant=device.tenant, wanted=wanted)


def token_of(device: Device) -> AccessToken:
    new = NewApiKey("Tokens")
    api_key, _ = create_api_key(tenant=device.tenant, new=new, actor=None)
    lifetime = timedelta(minutes=1)
    return issue_token(api_key=api_key, dialect="smsgate", scopes=[], lifetime=lifetime).token


def short_id_of_nobody() -> str:
    return short_id(new_id())


# Path parameter, or what a body or query names -> its kind.
ID_KINDS = {
    "device_id": public_id_of(Device, lambda device: device),
    "message_id": public_id_of(Message, message_of),
    "contact_id": public_id_of(Contact, lambda device: ContactFactory(tenant=device.tenant)),
    "group_id": public_id_of(Group, group_of),
    # Its `wkh_…` is an endpoint's below /v1/webhooks, and an ingress's below /v1/ingress.
    "ingress_id": public_id_of(Ingress, lambda device: IngressFactory(tenant=device.tenant)),
    "rule_id": public_id_of(Rule, lambda device: rule_run_of(device).rule),
    "endpoint_id": public_id_of(Endpoint, lambda device: delivery_of(device).endpoint),
    "delivery_id": public_id_of(Delivery, delivery_of),
    "payload_id": public_id_of(IngressPayload, payload_of),
    "batch_id": IdKind(lambda device: batch_of(device).public_id, short_id_of_nobody),
    "phone_id": IdKind(lambda device: short_id(device.public_id), short_id_of_nobody),
    "webhook_id": IdKind(lambda device: registration_of(device).options["id"], short_id_of_nobody),
    "token_id": IdKind(lambda device: short_id(token_of(device).public_id), short_id_of_nobody),
    "number": IdKind(
        lambda device: OptOutFactory(tenant=device.tenant).number, lambda: "+6590000000"
    ),
}
