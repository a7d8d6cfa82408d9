"""What can go wrong with texts."""

from accounts.errors import GatewayError, Issue


class NoActiveDevice(GatewayError):
    code = "no_active_device_for_tenant"
    status = 503
    default_message = (
        "No paired phone is online to send this. Connect a phone, or send with queueIfOffline."
    )

    def __init__(self, message: str = "") -> None:
        super().__init__(message, headers={"Retry-After": "30"})


class RecipientOptedOut(GatewayError):
    """The recipient wants no more messages of this tenant.

    400 like other things that are wrong with `to`, because clients take 401 and 403 for a bad key,
    and repeat what is answered with 409.
    """

    code = "recipient_opted_out"
    status = 400
    default_message = "The recipient has opted out of your messages. Do not send to this number."

    def __init__(self) -> None:
        super().__init__(issues=(Issue("to", self.code, self.default_message),))
