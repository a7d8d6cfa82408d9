"""One path of the app's API: by method, without CSRF, and with refusals in its own shape."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from accounts.api.errors import gateway_error_from
from accounts.errors import MethodNotAllowed
from integrations.phones.smsgate.errors import refusal

View = Callable[..., HttpResponseBase]


def endpoint(**views: View) -> View:
    """A view that calls one of `views` (HTTP method -> view), and renders what it raises."""

    @csrf_exempt
    def dispatch(request: HttpRequest, **parameters: str) -> HttpResponseBase:
        try:
            view = views.get(request.method or "")
            if view is None:
                raise MethodNotAllowed(headers={"Allow": ", ".join(views)})
            return view(request, **parameters)
        except Exception as error:
            return refusal(gateway_error_from(error))

    return dispatch
