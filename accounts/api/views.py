"""The bases of all API views: of every face, and of the native one."""

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views import View
from rest_framework.views import APIView

from accounts.api.authentication import authorize
from accounts.api.errors import error_response, gateway_error_from
from accounts.errors import GatewayError, MethodNotAllowed
from accounts.models import ApiKey, Tenant


class FaceView(View):
    """One path of an API: authorise, call the method's handler, render errors.

    A dialect says in a subclass how its clients authenticate and how its errors look.
    """

    # HTTP method -> the scope that a key needs; a method without one is open to everybody.
    scopes: ClassVar[dict[str, str]] = {}
    api_key: ApiKey

    @property
    def tenant(self) -> Tenant:
        """The tenant of the key; every read starts here."""
        return self.api_key.tenant

    def authorize(self, request: HttpRequest, scope: str) -> ApiKey:
        """The key that `request` carries, if it may do what `scope` says; raises GatewayError."""
        return authorize(request, scope)

    def error_response(self, error: GatewayError, request: HttpRequest) -> HttpResponse:
        """`error` in the shape of this API."""
        return error_response(error, request)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            handler = self._handler(request)
            method = "GET" if request.method == "HEAD" else request.method
            scope = self.scopes.get(method or "")
            if scope is not None:
                self.api_key = self.authorize(request, scope)
            return handler(request, *args, **kwargs)
        except Exception as error:
            return self.error_response(gateway_error_from(error), request)

    dispatch.csrf_exempt = True  # type: ignore[attr-defined]  # keys are sent by programs

    @property
    def allowed_methods(self) -> list[str]:
        """Those that have a handler."""
        return [name.upper() for name in self.http_method_names if hasattr(self, name)]

    def _handler(self, request: HttpRequest) -> Callable[..., HttpResponseBase]:
        method = (request.method or "").lower()
        handler = getattr(self, method, None) if method in self.http_method_names else None
        if handler is None:
            raise MethodNotAllowed(headers={"Allow": ", ".join(self.allowed_methods)})
        return handler  # type: ignore[no-any-return]

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return HttpResponse(status=204, headers={"Allow": ", ".join(self.allowed_methods)})


class NativeView(FaceView, APIView):  # type: ignore[misc]  # ours is the dispatch
    """One path of the native API.

    It is a DRF view for routing and for the OpenAPI description, but has none of DRF's dispatch:
    bodies are msgspec structs, and the rest of that machinery costs more than the work
    (docs/decisions).
    """


def json_response(value: Any, *, status: int = 200) -> HttpResponse:
    """`value` (structs, dicts, lists) as a JSON answer."""
    return HttpResponse(msgspec.json.encode(value), status=status, content_type="application/json")
