"""Tenants with a key and a paired phone.

`python -m tests.crash.account COUNT` makes some in the environment's database and prints them as
JSON, so that the tests themselves need no Django.
"""

import sys

import django
import msgspec


class Account(msgspec.Struct, frozen=True):
    """What a client and a phone need to know."""

    api_key: str
    device_id: str
    device_token: str


def open_account() -> Account:
    """Store a tenant, a key and a phone that was seen just now."""
    from accounts.services.api_keys import NewApiKey, create_api_key  # noqa: PLC0415 - after setup
    from devices.tests.factories import DeviceFactory, token_of  # noqa: PLC0415 - after setup

    device = DeviceFactory()
    _, secret = create_api_key(tenant=device.tenant, new=NewApiKey("Test"), actor=None)
    return Account(secret, device.external_id, token_of(device))


if __name__ == "__main__":
    django.setup()
    opened = [open_account() for _ in range(int(sys.argv[1]))]
    sys.stdout.write(msgspec.json.encode(opened).decode())
