"""What every native view does around its handler."""

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.api.views import NativeView
from accounts.tests.factories import TenantFactory, bearer

pytestmark = pytest.mark.django_db

# Methods of native views that need no API key, on purpose: they have a pairing code, an ingress's
# token, or a phone's token instead.
OPEN = {
    ("PairView", "POST"),
    ("IngressView", "POST"),
    ("FramesView", "GET"),
    ("FramesView", "POST"),
}


def native_views(patterns=None) -> list[type[NativeView]]:
    found = []
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            found += native_views(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            view = getattr(pattern.callback, "view_class", None)
            found += [view] if view and issubclass(view, NativeView) else []
    return found


@pytest.mark.parametrize("view", native_views(), ids=lambda view: view.__name__)
def test_every_handler_needs_a_scope_or_is_open_on_purpose(view):
    handled = {name.upper() for name in view.http_method_names if name in vars(view)}
    unguarded = handled - set(view.scopes) - {"OPTIONS"}
    assert {(view.__name__, method) for method in unguarded} <= OPEN
    assert set(view.scopes) <= handled


def test_head_needs_the_key_that_get_needs(client):
    answer = client.head("/v1/messages")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    narrow = bearer(TenantFactory(), scopes=("messages:send",))
    assert client.head("/v1/messages", headers=narrow).status_code == 403


def test_head_answers_as_get_does_without_a_body(client):
    headers = bearer(TenantFactory())
    answer = client.head("/v1/messages", headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["Content-Type"] == client.get("/v1/messages", headers=headers)["Content-Type"]


def test_options_tells_the_methods_without_a_key(client):
    answer = client.options("/v1/messages")
    assert (answer.status_code, answer.content, answer["Allow"]) == (
        204,
        b"",
        "GET, POST, HEAD, OPTIONS",
    )


def test_answers_carry_the_allowance(client, settings):
    settings.API_REQUESTS_PER_MINUTE = 10
    answer = client.get("/v1/messages", headers=bearer(TenantFactory()))
    assert (answer["RateLimit-Limit"], answer["RateLimit-Remaining"]) == ("10", "9")
    assert 55 <= int(answer["RateLimit-Reset"]) <= 60


def test_programs_need_no_csrf_token():
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/v1/messages", headers=bearer(TenantFactory()))
    assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_media_type")
