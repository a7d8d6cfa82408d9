"""What can go wrong with phones."""

from accounts.errors import GatewayError, Unauthorized


class InvalidPairingCode(GatewayError):
    code = "invalid_pairing_code"
    status = 404
    default_message = "This pairing code is wrong, used or older than ten minutes. Make a new one."


class InvalidDeviceToken(Unauthorized):
    code = "invalid_token"
    default_message = "This phone's token is unknown or revoked. Pair the phone again."


class TooManyPolls(GatewayError):
    """As a socket too many is told, whatever of either the phone has open."""

    code = "too_many_sockets"
    status = 429
    default_message = "This phone has too many requests waiting. Let one of them end."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "60"})
