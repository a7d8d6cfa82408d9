"""What can go wrong, as one family of exceptions; each face renders them in its own shape.

The codes and statuses are the native contract's table of errors. A dialect maps them to its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong with the input: where (`to`, `sims[1].slot`), a code, a sentence."""

    path: str
    code: str
    message: str


class GatewayError(Exception):
    """The base: `code` for programs, `message` for people, `status` as an HTTP number.

    `tried`, which few have, says where each field was looked for.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    default_message: ClassVar[str] = "Something went wrong on our side. Try again in a moment."
    tried: Mapping[str, Sequence[str]] | None = None

    def __init__(
        self,
        message: str = "",
        *,
        issues: tuple[Issue, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        self.message = message or self.default_message
        self.issues = issues
        self.headers = headers or {}
        super().__init__(self.message)


class InvalidInput(GatewayError):
    """The input failed validation; `issues` says where and why."""

    code = "validation_error"
    status = 400
    default_message = "The request has invalid fields; see issues."

    @classmethod
    def at(cls, path: str, code: str, message: str) -> "InvalidInput":
        """One issue at `path`, whose sentence is also the error's message."""
        return cls(message, issues=(Issue(path, code, message),))


class Unauthorized(GatewayError):
    code = "unauthorized"
    status = 401
    default_message = "Send your API key as 'Authorization: Bearer sk_live_…'."

    def __init__(self, message: str = "") -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class InvalidApiKey(Unauthorized):
    code = "invalid_api_key"
    default_message = "This API key is unknown, revoked or expired."


class InsufficientCredit(GatewayError):
    code = "insufficient_credit"
    status = 402
    default_message = "The account has run out of credit."


class TenantInactive(GatewayError):
    code = "tenant_inactive"
    status = 403
    default_message = "This account is suspended. Contact the operator of this gateway."


class Forbidden(GatewayError):
    code = "forbidden"
    status = 403
    default_message = "This API key may not do that."


class IpNotAllowed(GatewayError):
    code = "ip_not_allowed"
    status = 403
    default_message = "This API key may not be used from your address."


class PlanRequired(GatewayError):
    code = "plan_required"
    status = 403
    default_message = "Your plan does not include this feature."


class NotFound(GatewayError):
    code = "not_found"
    status = 404
    default_message = "There is no such resource."


class MethodNotAllowed(GatewayError):
    code = "method_not_allowed"
    status = 405
    default_message = "This path does not support that HTTP method."


class Conflict(GatewayError):
    code = "conflict"
    status = 409
    default_message = "The request conflicts with what is already there."


class PayloadTooLarge(GatewayError):
    code = "payload_too_large"
    status = 413
    default_message = "The request body is too large."


class UnsupportedMediaType(GatewayError):
    code = "unsupported_media_type"
    status = 415
    default_message = "Send the body as JSON with 'Content-Type: application/json'."


class RateLimited(GatewayError):
    code = "rate_limited"
    status = 429
    default_message = "Too many requests. Wait as long as Retry-After says."


class Unavailable(GatewayError):
    """A part of the gateway is away for a moment; nothing was done, so repeating is safe."""

    code = "temporarily_unavailable"
    status = 503
    default_message = "The gateway cannot reach its database. Nothing was done; try again."

    def __init__(self, message: str = "") -> None:
        super().__init__(message, headers={"Retry-After": "1"})
