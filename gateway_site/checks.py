"""System checks: what an operator has to put right before the gateway starts."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from accounts.upward import listeners
from accounts.web_addresses import allowed_networks

UPWARD_SETTINGS = (
    "MESSAGE_EVENT_HANDLERS",
    "MESSAGE_POLICIES",
    "DEVICE_EVENT_HANDLERS",
    "INBOUND_RULES",
    "INBOUND_POSTERS",
    "FIRST_DEVICE_PROVISIONERS",
    "DEVICE_WORK_FINDERS",
    "DEVICE_QUEUE_COUNTERS",
    "DEVICE_BUDGET_READERS",
    "READINESS_REPORTERS",
)


@register()
def upward_calls_can_be_imported(**_: Any) -> list[CheckMessage]:
    """Every dotted path in the settings leads to a function."""
    errors: list[CheckMessage] = []
    for setting in UPWARD_SETTINGS:
        try:
            listeners(setting)
        except ImportError as error:
            errors.append(Error(f"{setting}: {error}", id="gateway.E001"))
    return errors


@register()
def channel_layer_is_shared(**_: Any) -> list[CheckMessage]:
    """A layer in memory would lose every nudge between processes."""
    if "InMemory" in settings.CHANNEL_LAYERS["default"]["BACKEND"]:
        return [Error("CHANNEL_LAYERS must use Redis: processes share it.", id="gateway.E002")]
    return []


@register()
def webhook_networks_are_networks(**_: Any) -> list[CheckMessage]:
    """A mistyped network would fail every webhook, one by one."""
    try:
        allowed_networks()
    except ValueError as error:
        hint = "Write networks as 10.1.0.0/16, separated by commas."
        return [Error(f"WEBHOOK_ALLOWED_NETWORKS: {error}", hint=hint, id="gateway.E003")]
    return []


@register(Tags.security, deploy=True)
def secret_key_is_given(**_: Any) -> list[CheckMessage]:
    """Several hosts must share one key, which a file on one of them cannot do."""
    if settings.SECRET_KEY_FROM_FILE:
        return [
            Warning(
                "SECRET_KEY comes from a file in DATA_DIR.",
                hint="Set SECRET_KEY (and KEY_PEPPER, ENCRYPTION_KEYS) in the environment.",
                id="gateway.W001",
            )
        ]
    return []
