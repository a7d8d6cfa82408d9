"""What happens to phones, told to the apps above inside the transaction in which it happens."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from accounts.upward import listeners


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """A device (by primary keys), and when the server knew."""

    name: ClassVar[str]
    tenant_id: int
    device_id: int
    at: datetime


class DevicePaired(DeviceEvent):
    name = "device.paired"


class DeviceOnline(DeviceEvent):
    name = "device.online"


class DeviceOffline(DeviceEvent):
    name = "device.offline"


class DeviceChanged(DeviceEvent):
    """People renamed it, limited it, or decided whether it may send; for open pages."""

    name = "device.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAlertEvent(DeviceEvent):
    """About a trouble of the phone; `kind` is a DeviceAlert.Kind, `detail` a sentence."""

    kind: str
    detail: str
    raised_at: datetime


class DeviceAlertRaised(DeviceAlertEvent):
    name = "device.alert"


class DeviceAlertEnded(DeviceAlertEvent):
    """It is over since `at`."""

    name = "device.alert_ended"


def publish(*events: DeviceEvent) -> None:
    """Hand `events` to every function in `DEVICE_EVENT_HANDLERS`."""
    for handler in listeners("DEVICE_EVENT_HANDLERS"):
        handler(events)
