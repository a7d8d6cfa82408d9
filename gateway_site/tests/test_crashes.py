"""What nobody foresaw: an answer in the API's shape that tells nothing."""

import pytest
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from accounts.api.views import NativeView

pytestmark = pytest.mark.usefixtures("db")


class RaisingView(NativeView):
    def get(self, request: HttpRequest, kind: str) -> HttpResponse:
        raise ERRORS[kind]


def raise_outside_of_native_views(request: HttpRequest, kind: str) -> HttpResponse:
    raise ERRORS[kind]


ERRORS = {
    "bug": ZeroDivisionError("a secret"),
    "database": OperationalError("connection refused"),
    "missing": Http404("a secret"),
}
urlpatterns = [
    path("v1/native/<kind>", RaisingView.as_view()),
    path("v1/plain/<kind>", raise_outside_of_native_views),
    path("", include("gateway_site.urls")),
]
handler404 = "gateway_site.views.page_not_found"


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("where", ["native", "plain"])
@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("bug", 500, "internal_error"),
        ("database", 503, "temporarily_unavailable"),
        ("missing", 404, "not_found"),
    ],
)
def test_crash_anywhere_is_an_envelope_that_tells_nothing(where, kind, status, error):
    answer = Client(raise_request_exception=False).get(f"/v1/{where}/{kind}")
    envelope = answer.json()
    assert (answer.status_code, envelope["error"]) == (status, error)
    assert envelope["requestId"] == answer["X-Request-Id"]
    assert set(envelope) == {"error", "message", "requestId"}
    assert answer.content.count(b"secret") == 0
