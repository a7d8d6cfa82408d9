"""From a token's secret to the phone behind it, on the way of every request of a phone.

SQL, because the ORM takes five times as long to write this as PostgreSQL to answer it, and when a
process is restarted, all of its phones come back within seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.db.models import Model

from accounts.models import Tenant
from accounts.secrets import keyed_hash
from devices.models import Device, DeviceToken

_MODELS: dict[str, type[Model]] = {"token": DeviceToken, "device": Device, "tenant": Tenant}
_COLUMNS = ", ".join(
    f'{alias}."{field.column}"'
    for alias, model in _MODELS.items()
    for field in model._meta.concrete_fields
)
_FIND = f"""
SELECT {_COLUMNS}
  FROM devices_devicetoken AS token
  JOIN devices_device AS device ON device.id = token.device_id
  JOIN accounts_tenant AS tenant ON tenant.id = device.tenant_id
 WHERE token.token_hash = %s AND token.revoked_at IS NULL AND device.status <> 'revoked'
"""  # noqa: S608 - no input in it


def token_behind(secret: str) -> DeviceToken | None:
    """The living token with this secret, with its device and tenant; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [keyed_hash(secret)])
        row = cursor.fetchone()
    if row is None:
        return None
    values = iter(row)
    token, device, tenant = (_read(model, values) for model in _MODELS.values())
    device.tenant, token.device = tenant, device
    return token  # type: ignore[no-any-return]


def _read(model: type[Model], values: Iterator[Any]) -> Any:
    """A row of `model` from the next of `values`; none of its columns needs a conversion."""
    names = [field.attname for field in model._meta.concrete_fields]
    return model.from_db(connection.alias, names, [next(values) for _ in names])
