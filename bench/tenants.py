"""Whom the bench sends for: tenants with API keys and phones."""

from dataclasses import dataclass

from django.utils import timezone

from accounts.models import Tenant
from accounts.secrets import encrypt, keyed_hash, new_token
from accounts.services.api_keys import NewApiKey, create_api_key
from devices.models import Device, DeviceToken, Sim
from webhooks.models import Endpoint
from webhooks.services.endpoints import new_signing_secret


@dataclass(frozen=True)
class Sender:
    """A tenant that may send, with the secret of its API key."""

    tenant: Tenant
    api_key: str


def open_sender() -> Sender:
    """A fresh tenant without a phone."""
    tenant = Tenant.objects.create(name="Bench")
    _, api_key = create_api_key(tenant=tenant, new=NewApiKey("Bench"), actor=None)
    return Sender(tenant, api_key)


def pair_phones(tenant: Tenant, count: int) -> list[str]:
    """Tokens of `count` new phones with one SIM each, as pairing leaves them."""
    devices = Device.objects.bulk_create(
        Device(tenant=tenant, name=f"Phone {number}") for number in range(count)
    )
    Sim.objects.bulk_create(
        Sim(tenant=tenant, device=device, slot=1, number="+6598765432") for device in devices
    )
    tokens = [new_token(DeviceToken.PREFIX) for _ in devices]
    DeviceToken.objects.bulk_create(
        DeviceToken(device=device, token_hash=keyed_hash(token))
        for device, token in zip(devices, tokens, strict=True)
    )
    return tokens


def add_endpoint(tenant: Tenant, url: str, event: str = "message.received") -> None:
    """One more receiver of the tenant's."""
    secret = new_signing_secret()
    Endpoint.objects.create(tenant=tenant, url=url, events=[event], secret=encrypt(secret))


def keep_online(tenant: Tenant) -> None:
    """Have the tenant's phones heard from just now, without a socket."""
    Device.objects.filter(tenant=tenant).update(is_online=True, last_seen_at=timezone.now())
