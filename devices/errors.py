"""What can go wrong with phones."""

from accounts.errors import GatewayError


class InvalidPairingCode(GatewayError):
    code = "invalid_pairing_code"
    status = 404
    default_message = "This pairing code is wrong, used or older than ten minutes. Make a new one."


class InvalidDeviceToken(GatewayError):
    code = "invalid_token"
    status = 401
    default_message = "This phone's token is unknown or revoked. Pair the phone again."
