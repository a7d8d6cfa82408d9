"""A tenant's endpoints."""

import secrets
from base64 import b64encode

from accounts.models import Tenant
from accounts.secrets import encrypt
from webhooks.models import Endpoint

SECRET_BYTES = 32


def provision_first_endpoint(*, tenant: Tenant) -> dict[str, str]:
    """The endpoint that comes with a tenant's first phone; its signing secret, shown this once.

    Named in `FIRST_DEVICE_PROVISIONERS`; a tenant that has an endpoint keeps it.
    """
    if Endpoint.objects.filter(tenant=tenant).exists():
        return {}
    secret = new_signing_secret()
    Endpoint.objects.create(
        tenant=tenant,
        events=["message.received"],
        secret=encrypt(secret),
        secret_prefix=secret[:12],
    )
    return {"signing_secret": secret}


def new_signing_secret() -> str:
    """`whsec_` and 32 random bytes in base 64 (Standard Webhooks 1.0)."""
    return Endpoint.SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
