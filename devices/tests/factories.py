"""Phones, online unless a test says otherwise."""

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from accounts.secrets import keyed_hash, new_token
from accounts.tests.factories import TenantFactory
from devices.models import Device, DeviceToken, Sim
from devices.queries import forget_phones


class DeviceFactory(DjangoModelFactory):
    class Meta:
        model = Device
        skip_postgeneration_save = True

    tenant = factory.SubFactory(TenantFactory)
    name = factory.Sequence(lambda n: f"Phone {n}")
    kind = Device.Kind.SIMULATED
    is_online = True
    last_seen_at = factory.LazyFunction(timezone.now)
    sim = factory.RelatedFactory(
        "devices.tests.factories.SimFactory", factory_related_name="device"
    )

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        forget_phones()  # as pairing does
        return super()._create(model_class, *args, **kwargs)


class SimFactory(DjangoModelFactory):
    class Meta:
        model = Sim

    device = factory.SubFactory(DeviceFactory, sim=None)
    tenant = factory.SelfAttribute("device.tenant")
    slot = 1
    number = "+6598765432"


def token_of(device: Device) -> str:
    """A fresh device token."""
    secret = new_token(DeviceToken.PREFIX)
    DeviceToken.objects.create(device=device, token_hash=keyed_hash(secret))
    return secret
