"""Signatures over webhook bodies: the native one, and those of Standard Webhooks 1.0.

A secret is `whsec_` and 32 random bytes in base 64. The native signature takes the whole text, as
the customer sees it, for its key; Standard Webhooks takes the bytes that the base 64 stands for.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret
_MAC_SCHEME = "sha256="


def signature_headers(
    *, secrets: Sequence[str], webhook_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The headers that prove who sent `body`; `timestamp` is that of the attempt, in Unix seconds.

    `secrets` begins with the newest. A second one, while they are rotated, signs as well:
    `webhook-signature` lists both, and `X-MAC-Signature-Previous` is the native one by the second.
    Without any secret there are no signatures.

    Raises ValueError for a secret that is not `whsec_` and base 64.
    """
    headers = {"webhook-id": webhook_id, "webhook-timestamp": str(timestamp)}
    if not secrets:
        return headers
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    headers["webhook-signature"] = " ".join(_standard(secret, signed) for secret in secrets)
    for name, secret in zip(("X-MAC-Signature", "X-MAC-Signature-Previous"), secrets, strict=False):
        headers[name] = mac_signature(secret, body)
    return headers


def mac_signature(secret: str, body: bytes) -> str:
    """`sha256=` and the HMAC-SHA256 of `body` in 64 hex digits; its key is `secret` as UTF-8."""
    return _MAC_SCHEME + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify_mac(secret: str, header: str, body: bytes) -> bool:
    """Whether `header` is what `mac_signature` makes; takes the same time wherever they differ.

    A malformed header is a wrong one. Upper-case hex digits are right.
    """
    given = header.lower().encode("utf-8", "replace")
    return hmac.compare_digest(mac_signature(secret, body).encode(), given)


def _standard(secret: str, signed: bytes) -> str:
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError("a signing secret begins with whsec_")
    key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    return "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()
