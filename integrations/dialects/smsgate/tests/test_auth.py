"""Who is let in, and what tokens may do."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import AccessToken, ApiKey
from accounts.services.access_tokens import prune_tokens
from accounts.services.api_keys import SCOPES as OURS
from accounts.services.api_keys import revoke_api_key
from accounts.services.limits import forget_purses
from accounts.services.tenants import suspend_tenant
from accounts.tests.factories import bearer
from devices.tests.factories import DeviceFactory
from gateway_site.request_log import _writer, requests_of
from integrations.dialects.smsgate.auth import SCOPES
from integrations.dialects.smsgate.tests.conftest import basic, secret_of

ALL = ["all:any"]


def token(call, scopes=ALL, **fields) -> dict:
    answer = call("POST", "/auth/token", {"scopes": scopes} | fields)
    assert answer.status_code == 201
    return answer.json()


def using(given: dict) -> dict[str, str]:
    return {"Authorization": f"Bearer {given['access_token']}"}


class TestKeys:
    @pytest.mark.parametrize("login", ["anybody", "", "a login: with colons"])
    def test_key_is_the_password_of_any_login(self, call, device, login):
        secret = secret_of(bearer(device.tenant))
        if ":" in login:
            login = login.partition(":")[0]
        assert call("GET", "/devices", headers=basic(secret, login)).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            basic("wrong"),
            basic(""),
            {"Authorization": "Basic"},
            {"Authorization": "Basic ???"},
            {"Authorization": "Basic bm9jb2xvbg=="},
            {"Authorization": "Basic /////w=="},
            {"Authorization": "Digest x"},
            {"Authorization": "Bearer sk_live_x"},
            {"Authorization": "Bearer at_unknown"},
            {"Authorization": "Bearer " + "\x00"},
        ],
    )
    def test_anybody_else_is_not_let_in(self, call, headers):
        answer = call("GET", "/messages", headers=headers)
        assert (answer.status_code, list(answer.json())) == (401, ["message"])
        assert answer["WWW-Authenticate"] == 'Basic realm="SMSGate API"'

    def test_networks_of_the_key_hold(self, call, device):
        secret = secret_of(bearer(device.tenant, allowed_networks=("203.0.113.0/24",)))
        assert call("GET", "/messages", headers=basic(secret)).status_code == 403

    def test_scopes_of_the_key_hold(self, call, device):
        headers = bearer(device.tenant, scopes=("messages:read",))
        assert call("GET", "/messages", headers=headers).status_code == 200
        assert call("GET", "/devices", headers=headers).status_code == 403

    def test_requests_are_counted(self, call, settings):
        settings.API_REQUESTS_PER_MINUTE = 2
        answers = [call("GET", "/messages") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert (answers[0]["RateLimit-Limit"], "Retry-After" in answers[2].headers) == ("2", True)

    def test_developers_see_which_key_was_used(self, call, device):
        headers = bearer(device.tenant)
        given = call("POST", "/auth/token", {"scopes": ALL}, headers=headers).json()
        for way in (basic(secret_of(headers)), using(given)):
            call("GET", "/messages", headers=way)
        _writer.flush()
        shown = {request.key_prefix for request in requests_of(device.tenant)}
        assert shown == {secret_of(headers)[:12]}

    def test_every_scope_stands_for_one_of_ours(self):
        assert {ours for ours in SCOPES.values() if ours is not None} <= set(OURS)


class TestTokens:
    def test_token_comes_in_both_spellings(self, call):
        given = token(call, ttl=600)
        pairs = [("access_token", "accessToken"), ("refresh_token", "refreshToken")]
        pairs += [("token_type", "tokenType"), ("expires_at", "expiresAt")]
        assert [given[snake] for snake, _ in pairs] == [given[camel] for _, camel in pairs]
        assert (given["token_type"], len(given["id"])) == ("Bearer", 21)
        assert call("GET", "/messages", headers=using(given)).status_code == 200

    def test_only_hashes_are_stored(self, call):
        given = token(call)
        row = AccessToken.objects.values().get()
        assert given["access_token"] not in map(str, row.values())
        assert given["refresh_token"] not in map(str, row.values())

    @pytest.mark.parametrize(
        ("ttl", "alive", "dead"),
        [(600, 599, 601), (None, 86_399, 86_401), (10**12, 2591999, 2592001)],
    )
    def test_it_lives_as_long_as_asked_for_and_a_month_at_most(self, call, ttl, alive, dead):
        given, now = token(call, ttl=ttl), timezone.now()
        for seconds, status in ((alive, 200), (dead, 401)):
            with time_machine.travel(now + timedelta(seconds=seconds)):
                assert call("GET", "/messages", headers=using(given)).status_code == status

    def test_it_may_do_what_it_was_given(self, call):
        headers = using(token(call, ["messages:list"]))
        assert call("GET", "/messages", headers=headers).status_code == 200
        answer = call("GET", "/messages/m", headers=headers)
        assert (answer.status_code, answer.json()) == (
            403,
            {"message": "This token lacks the scope 'messages:read'."},
        )

    def test_it_may_do_no_more_than_its_key(self, call, device):
        key = bearer(device.tenant, scopes=("messages:read",))
        given = call("POST", "/auth/token", {"scopes": ALL}, headers=key).json()
        assert call("GET", "/messages", headers=using(given)).status_code == 200
        assert call("GET", "/devices", headers=using(given)).status_code == 403

    def test_token_gets_no_token_that_may_do_more(self, call):
        headers = using(token(call, ["messages:list", "tokens:manage"]))
        wishes = (["messages:list"], ["messages:send"], ALL, ["moon:read"], [])
        answers = [call("POST", "/auth/token", {"scopes": w}, headers=headers) for w in wishes]
        assert [answer.status_code for answer in answers] == [201, 403, 403, 400, 400]

    def test_refresh_works_once(self, call):
        given = token(call, ["messages:list"], ttl=600)
        refresh = {"Authorization": f"Bearer {given['refresh_token']}"}
        answer = call("POST", "/auth/token/refresh", {}, headers=refresh)
        following = answer.json()
        assert (answer.status_code, following["id"] != given["id"]) == (201, True)
        assert call("GET", "/messages", headers=using(following)).status_code == 200
        assert call("GET", "/messages/m", headers=using(following)).status_code == 403
        assert call("POST", "/auth/token/refresh", headers=refresh).status_code == 401

    def test_access_token_does_not_refresh_nor_refresh_token_let_in(self, call):
        given = token(call)
        swapped = {"Authorization": f"Bearer {given['refresh_token']}"}
        assert call("GET", "/messages", headers=swapped).status_code == 401
        assert call("POST", "/auth/token/refresh", headers=using(given)).status_code == 401

    def test_revoked_one_is_dead_at_once_and_so_is_its_refresh_token(self, call):
        given = token(call)
        assert call("DELETE", f"/auth/token/{given['id']}").status_code == 204
        assert call("GET", "/messages", headers=using(given)).status_code == 401
        refresh = {"Authorization": f"Bearer {given['refresh_token']}"}
        assert call("POST", "/auth/token/refresh", headers=refresh).status_code == 401
        assert call("DELETE", f"/auth/token/{given['id']}").status_code == 404

    def test_another_tenants_token_is_not_found(self, call):
        given = token(call)
        headers = bearer(DeviceFactory().tenant)
        assert call("DELETE", f"/auth/token/{given['id']}", headers=headers).status_code == 404
        assert call("GET", "/messages", headers=using(given)).status_code == 200

    def test_it_works_where_its_key_does(self, call, device):
        given = token(call)
        ApiKey.objects.update(allowed_networks=["203.0.113.0/24"])
        assert call("GET", "/messages", headers=using(given)).status_code == 403
        refresh = {"Authorization": f"Bearer {given['refresh_token']}"}
        assert call("POST", "/auth/token/refresh", headers=refresh).status_code == 403
        ApiKey.objects.update(allowed_networks=[])
        assert call("POST", "/auth/token/refresh", headers=refresh).status_code == 201

    def test_refresh_that_comes_too_soon_is_not_used_up(self, call, settings):
        settings.API_REQUESTS_PER_MINUTE = 1
        refresh = {"Authorization": f"Bearer {token(call)['refresh_token']}"}
        assert call("POST", "/auth/token/refresh", headers=refresh).status_code == 429
        settings.API_REQUESTS_PER_MINUTE = 1000
        forget_purses()
        assert call("POST", "/auth/token/refresh", headers=refresh).status_code == 201

    def test_it_ends_with_its_key(self, call):
        given = token(call)
        revoke_api_key(api_key=ApiKey.objects.get(), actor=None)
        assert call("GET", "/messages", headers=using(given)).status_code == 401

    def test_it_is_shut_out_with_its_tenant(self, call, device):
        given = token(call)
        suspend_tenant(tenant=device.tenant, reason="Unpaid", actor=None)
        assert call("GET", "/messages", headers=using(given)).status_code == 403
        refresh = {"Authorization": f"Bearer {given['refresh_token']}"}
        assert call("POST", "/auth/token/refresh", headers=refresh).status_code == 403

    def test_it_does_not_open_the_native_api(self, call, client):
        assert client.get("/v1/messages", headers=using(token(call))).status_code == 401

    def test_dead_ones_are_deleted_in_the_end(self, call):
        token(call)
        with time_machine.travel(timezone.now() + timedelta(days=29)):
            assert prune_tokens() == 0
        with time_machine.travel(timezone.now() + timedelta(days=31)):
            assert prune_tokens() == 1
