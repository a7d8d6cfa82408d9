"""What the ids in paths stand for, for the tests that try every route.

A route below `/v1/` with a new path parameter needs a line in ID_KINDS.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from accounts.ids import encode_id, new_id
from devices.models import Device
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
    "number": IdKind(
        lambda device: OptOutFactory(tenant=device.tenant).number, lambda: "+6590000000"
    ),
}
