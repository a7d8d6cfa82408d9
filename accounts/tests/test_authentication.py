"""From a request to its API key: headers, addresses, scopes, and the API's own limit."""

import pytest
from django.test import RequestFactory

from accounts.api.authentication import authorize, basic_password, client_address
from accounts.errors import Forbidden, InvalidApiKey, IpNotAllowed, RateLimited, Unauthorized
from accounts.secrets import new_api_key
from accounts.tests.factories import TenantFactory, bearer

pytestmark = pytest.mark.usefixtures("db")


def request_with(headers: dict[str, str], address: str = "192.0.2.1"):
    return RequestFactory(REMOTE_ADDR=address).get("/v1/messages", headers=headers)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.7", "192.0.2.1"),  # nobody in front: whatever the header says is made up
        (0, "", "192.0.2.1"),
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "10.0.0.1, 203.0.113.7", "203.0.113.7"),  # the client wrote the first
        (1, "", "192.0.2.1"),
        (1, "203.0.113.7,", "192.0.2.1"),
        (2, "203.0.113.7, 198.51.100.1", "203.0.113.7"),
        (2, "10.0.0.1, 203.0.113.7, 198.51.100.1", "203.0.113.7"),
        (2, "203.0.113.7", "192.0.2.1"),  # came round a proxy: not what ours would have written
        (1, "2001:db8::7", "2001:db8::7"),
    ],
)
def test_address_is_what_our_outermost_proxy_saw(settings, proxies, forwarded, address):
    settings.TRUSTED_PROXY_COUNT = proxies
    assert client_address(request_with({"X-Forwarded-For": forwarded})) == address


@pytest.mark.parametrize("forwarded", ["203.0.113.7", "203.0.113.7, 198.51.100.9"])
def test_allowlist_cannot_be_passed_with_a_made_up_header(settings, forwarded):
    settings.TRUSTED_PROXY_COUNT = 1
    headers = bearer(TenantFactory(), allowed_networks=("203.0.113.0/24",))
    spoofed = f"{forwarded}, 198.51.100.66"  # the proxy appends where it really came from
    with pytest.raises(IpNotAllowed):
        authorize(request_with(headers | {"X-Forwarded-For": spoofed}), "messages:read")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer  ",
        "Bearer nonsense",
        "Bearer sk_live_short",
        "Bearer " + "é" * 48,
        "Basic c2tfbGl2ZQ==",
        pytest.param(new_api_key("sk_live_"), id="no scheme"),
        pytest.param(f"Bearer\t{new_api_key('sk_live_')}", id="tab"),
    ],
)
def test_missing_or_malformed_bearer_is_unauthorized(header):
    with pytest.raises(Unauthorized) as refused:
        authorize(request_with({"Authorization": header}), "messages:read")
    assert (refused.value.code, refused.value.headers) == (
        "unauthorized",
        {"WWW-Authenticate": "Bearer"},
    )


def test_unknown_key_is_invalid():
    for secret in (new_api_key("sk_live_"), "sk_test_" + "0" * 40):
        with pytest.raises(InvalidApiKey):
            authorize(request_with({"Authorization": f"Bearer {secret}"}), "messages:read")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_scheme_is_read_in_any_case(scheme):
    tenant = TenantFactory()
    secret = bearer(tenant)["Authorization"].removeprefix("Bearer ")
    request = request_with({"Authorization": f"{scheme} {secret}"})
    assert authorize(request, "messages:read").tenant == tenant


def test_key_does_what_its_scopes_say_and_nothing_else():
    headers = bearer(TenantFactory(), scopes=("messages:read",))
    authorize(request_with(headers), "messages:read")
    with pytest.raises(Forbidden) as refused:
        authorize(request_with(headers), "messages:send")
    assert refused.value.message == "This API key lacks the scope 'messages:send'."


def test_a_tenants_keys_share_its_limit_and_other_tenants_do_not(settings):
    settings.API_REQUESTS_PER_MINUTE = 2
    alice, charlie = TenantFactory(), TenantFactory()
    first, second, others = bearer(alice), bearer(alice), bearer(charlie)
    for headers in (first, second):
        authorize(request_with(headers), "messages:read")
    with pytest.raises(RateLimited):
        authorize(request_with(first), "messages:read")
    request = request_with(others)
    authorize(request, "messages:read")
    assert request.rate_allowance.remaining == 1


def test_refused_keys_do_not_use_up_the_limit(settings):
    settings.API_REQUESTS_PER_MINUTE = 1
    tenant = TenantFactory()
    narrow = bearer(tenant, allowed_networks=("203.0.113.0/24",))
    for _ in range(3):
        with pytest.raises(IpNotAllowed):
            authorize(request_with(narrow), "messages:read")
    assert authorize(request_with(bearer(tenant)), "messages:read").tenant == tenant


@pytest.mark.parametrize(
    ("secret", "password"),
    [
        ("bG9naW46cGFzc3dvcmQ=", "password"),
        ("OnBhc3N3b3Jk", "password"),  # no login
        ("bG9naW46cGE6c3M=", "pa:ss"),  # a colon in the password
        ("bG9naW46", ""),
    ],
)
def test_password_is_what_follows_the_first_colon(secret, password):
    assert basic_password(secret) == password


@pytest.mark.parametrize("secret", ["", "bG9naW4=", "?", "bG9naW46cGFzc3dvcmQ", "/////w==", "é"])
def test_no_login_and_password_is_unauthorized(secret):
    with pytest.raises(Unauthorized):
        basic_password(secret)
