"""The base of all native views."""

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.views import APIView

from accounts.api.authentication import authorize
from accounts.api.errors import error_response, gateway_error_from
from accounts.errors import MethodNotAllowed
from accounts.models import ApiKey, Tenant


class NativeView(APIView):
    """One path of the native API: authorise, call the method's handler, render errors.

    It is a DRF view for routing and for the OpenAPI description, but replaces DRF's dispatch:
    bodies are msgspec structs, and the rest of that machinery costs more than the work
    (docs/decisions).
    """

    # HTTP method -> the scope that a key needs; a method without one is open to everybody.
    scopes: ClassVar[dict[str, str]] = {}
    api_key: ApiKey

    @property
    def tenant(self) -> Tenant:
        """The tenant of the key; every read starts here."""
        return self.api_key.tenant

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            handler = self._handler(request)
            method = "GET" if request.method == "HEAD" else request.method
            scope = self.scopes.get(method or "")
            if scope is not None:
                self.api_key = authorize(request, scope)
            return handler(request, *args, **kwargs)
        except Exception as error:
            return error_response(gateway_error_from(error), request)

    def _handler(self, request: HttpRequest) -> Callable[..., HttpResponseBase]:
        method = (request.method or "").lower()
        handler = getattr(self, method, None) if method in self.http_method_names else None
        if handler is None:
            raise MethodNotAllowed(headers={"Allow": ", ".join(self.allowed_methods)})
        return handler  # type: ignore[no-any-return]

    def options(  # type: ignore[override]
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        return HttpResponse(status=204, headers={"Allow": ", ".join(self.allowed_methods)})


def json_response(value: Any, *, status: int = 200) -> HttpResponse:
    """`value` (structs, dicts, lists) as a JSON answer."""
    return HttpResponse(msgspec.json.encode(value), status=status, content_type="application/json")
