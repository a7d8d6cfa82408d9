"""All paths: none of an API redirects, which would lose a client's POST body."""

import re

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.tests.factories import TenantFactory, bearer

pytestmark = pytest.mark.usefixtures("db")


def api_paths(patterns=None, prefix: str = "/") -> list[str]:
    """Every path of an API, with a made-up value for each parameter."""
    paths = []
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            paths += api_paths(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith(("/v1/", "/api/")):
            paths.append(re.sub(r"<[^>]+>", "something", route))
    return paths


@pytest.mark.parametrize("path", api_paths())
@pytest.mark.parametrize("slash", ["", "/"])
def test_no_api_path_redirects(path, slash):
    client, headers = Client(raise_request_exception=False), bearer(TenantFactory())
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        for given in (headers, {}):
            status = client.generic(method, path + slash, headers=given).status_code
            assert (method, status // 100 == 3) == (method, False)


def test_a_slash_too_many_is_not_found(client):
    assert [client.get(path).status_code for path in ("/v1/messages/", "/v1//messages")] == [
        404,
        404,
    ]


def test_outside_of_the_api_errors_are_pages(client):
    answer = client.get("/nothing")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
