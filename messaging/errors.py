"""What can go wrong with texts."""

from accounts.errors import GatewayError


class NoActiveDevice(GatewayError):
    code = "no_active_device_for_tenant"
    status = 503
    default_message = (
        "No paired phone is online to send this. Connect a phone, or send with queueIfOffline."
    )

    def __init__(self, message: str = "") -> None:
        super().__init__(message, headers={"Retry-After": "30"})
