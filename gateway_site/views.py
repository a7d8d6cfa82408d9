"""Pages and error handlers of the composition."""

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from accounts.api.errors import error_response
from accounts.errors import GatewayError, InvalidInput, NotFound
from gateway_site.middleware import API_PREFIX


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: in the API's shape below `/v1/`, as a page elsewhere."""
    if request.path.startswith(API_PREFIX):
        return error_response(InvalidInput("The request is malformed."), request)
    return defaults.bad_request(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, likewise."""
    if request.path.startswith(API_PREFIX):
        return error_response(NotFound("There is no such path; see /v1/docs."), request)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, likewise."""
    if request.path.startswith(API_PREFIX):
        return error_response(GatewayError(), request)
    return defaults.server_error(request)
