"""The settings document as clients write it; a field that is absent stays unset."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

_Count = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
_Seconds = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Text = Annotated[str, msgspec.Meta(max_length=500)]


class GatewaySettings(msgspec.Struct):
    cloud_url: _Text | None | UnsetType = UNSET
    private_token: _Text | None | UnsetType = UNSET
    notification_channel: Literal["AUTO", "SSE_ONLY"] | None | UnsetType = UNSET


class EncryptionSettings(msgspec.Struct):
    passphrase: _Text | None | UnsetType = UNSET


class MessagesSettings(msgspec.Struct):
    limit_period: Literal["Disabled", "PerMinute", "PerHour", "PerDay"] | None | UnsetType = UNSET
    limit_value: _Count | None | UnsetType = UNSET
    log_lifetime_days: _Count | None | UnsetType = UNSET
    processing_order: Literal["LIFO", "FIFO"] | None | UnsetType = UNSET
    send_interval_max: _Seconds | None | UnsetType = UNSET
    send_interval_min: _Seconds | None | UnsetType = UNSET
    sim_selection_mode: Literal["OSDefault", "RoundRobin", "Random"] | None | UnsetType = UNSET


class LogsSettings(msgspec.Struct):
    lifetime_days: _Count | None | UnsetType = UNSET


class PingSettings(msgspec.Struct):
    interval_seconds: _Count | None | UnsetType = UNSET


class WebhooksSettings(msgspec.Struct):
    retry_count: _Count | None | UnsetType = UNSET
    signing_key: _Text | None | UnsetType = UNSET
    internet_required: bool | None | UnsetType = UNSET


class SettingsIn(msgspec.Struct):
    gateway: GatewaySettings | None | UnsetType = UNSET
    encryption: EncryptionSettings | None | UnsetType = UNSET
    messages: MessagesSettings | None | UnsetType = UNSET
    logs: LogsSettings | None | UnsetType = UNSET
    ping: PingSettings | None | UnsetType = UNSET
    webhooks: WebhooksSettings | None | UnsetType = UNSET

    def changes(self) -> dict[str, Any]:
        """What was given, null included."""
        given: dict[str, Any] = msgspec.to_builtins(self)
        return given
