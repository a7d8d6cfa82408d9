"""What happens around every request."""

import logging
import re
import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from accounts.api.errors import error_response, gateway_error_from
from accounts.ids import new_id
from gateway_site.request_log import LoggedRequest, note_request

log = structlog.get_logger("gateway.requests")

API_PREFIXES = ("/v1/", "/api/")
PROBES = ("/livez", "/readyz")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestLog:
    """Gives every request an id, logs it in one line, and tells the client id and allowance."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else new_id().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = self._get_response(request)
        finally:
            structlog.contextvars.clear_contextvars()
        response["X-Request-Id"] = request_id
        allowance = getattr(request, "rate_allowance", None)
        if allowance is not None:
            for name, value in allowance.headers().items():
                response.headers.setdefault(name, value)
        tenant_id = getattr(request, "tenant_id", None)
        ms = round((time.perf_counter() - started) * 1000, 1)
        # Probes come every few seconds and say nothing; what they find missing is logged there.
        log.log(
            logging.DEBUG if request.path in PROBES else logging.INFO,
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            ms=ms,
            request_id=request_id,
            tenant=tenant_id,
        )
        if tenant_id is not None:
            _note(request, response, tenant_id, ms)
        return response


def _note(request: HttpRequest, response: HttpResponse, tenant_id: int, ms: float) -> None:
    """Show an API request to the tenant's developers."""
    note_request(
        tenant_id,
        LoggedRequest(
            ended=time.time(),
            method=request.method or "",
            path=request.path,
            status=response.status_code,
            ms=ms,
            request_id=request.request_id,  # type: ignore[attr-defined]  # of RequestLog
            key_prefix=getattr(request, "key_prefix", ""),
        ),
    )


class ApiErrors:
    """Errors below API_PREFIXES that no view has rendered: unknown paths, and bugs."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not request.path.startswith(API_PREFIXES):
            return None
        return error_response(gateway_error_from(error), request)
