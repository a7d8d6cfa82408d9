"""The native error envelope: `{"error", "message", "requestId", "issues"?, "tried"?}`."""

from typing import Any

import msgspec
import structlog
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse

from accounts.errors import (
    Forbidden,
    GatewayError,
    InvalidInput,
    NotFound,
    PayloadTooLarge,
    Unavailable,
)

log = structlog.get_logger(__name__)


class IssueOut(msgspec.Struct):
    """Where the input is wrong, a code for programs, a sentence for people."""

    path: str
    code: str
    message: str


class ErrorOut(msgspec.Struct, rename="camel", omit_defaults=True):
    """Every answer outside 2xx. `tried`: the paths at which each field was looked for."""

    error: str
    message: str
    request_id: str
    issues: list[IssueOut] | None = None
    tried: dict[str, list[str]] | None = None


def error_response(error: GatewayError, request: HttpRequest) -> HttpResponse:
    """`error` as an HTTP answer."""
    return HttpResponse(
        msgspec.json.encode(envelope(error, request)),
        status=error.status,
        content_type="application/json",
        headers=error.headers,
    )


def envelope(error: GatewayError, request: HttpRequest) -> ErrorOut:
    """`error` as the body that a client reads."""
    issues = [IssueOut(issue.path, issue.code, issue.message) for issue in error.issues]
    request_id = getattr(request, "request_id", "")
    tried = {field: list(paths) for field, paths in (error.tried or {}).items()}
    return ErrorOut(error.code, error.message, request_id, issues or None, tried or None)


def gateway_error_from(error: Exception) -> GatewayError:
    """Any exception as one of ours; what nobody foresaw is logged and becomes a plain 500."""
    known: Any = {
        Http404: NotFound,
        PermissionDenied: Forbidden,
        RequestDataTooBig: PayloadTooLarge,
    }
    if isinstance(error, GatewayError):
        return error
    for kind, ours in known.items():
        if isinstance(error, kind):
            return ours()  # type: ignore[no-any-return]
    if isinstance(error, BadRequest | SuspiciousOperation):
        return InvalidInput("The request is malformed.")
    if isinstance(error, OperationalError | InterfaceError):
        log.warning("database away", error=str(error))
        return Unavailable()
    log.exception("unexpected error", exc_info=error)
    return GatewayError()
