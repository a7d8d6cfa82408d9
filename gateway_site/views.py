"""Pages and error handlers of the composition."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions

from accounts.api.errors import error_response, gateway_error_from
from accounts.errors import GatewayError, InvalidInput, MethodNotAllowed, NotFound
from gateway_site.middleware import API_PREFIXES


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: in the native API's shape below API_PREFIXES, as a page elsewhere."""
    if request.path.startswith(API_PREFIXES):
        return error_response(InvalidInput("The request is malformed."), request)
    return defaults.bad_request(request, exception)


@csrf_exempt
def unknown_api_path(request: HttpRequest) -> HttpResponse:
    """404 for what no route of the API takes, in its shape even with DEBUG."""
    return error_response(NotFound("There is no such path; see /v1/docs."), request)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, likewise."""
    if request.path.startswith(API_PREFIXES):
        return error_response(NotFound(), request)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, likewise."""
    if request.path.startswith(API_PREFIXES):
        return error_response(GatewayError(), request)
    return defaults.server_error(request)


def framework_error(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """What REST framework's own views below `/v1/` (the OpenAPI document) refuse, likewise."""
    ours: GatewayError
    if isinstance(error, exceptions.MethodNotAllowed):
        ours = MethodNotAllowed()
    elif isinstance(error, exceptions.NotAcceptable):
        ours = InvalidInput("There is no such format; leave the Accept header out.")
    else:
        ours = gateway_error_from(error)
    return error_response(ours, context["request"])
