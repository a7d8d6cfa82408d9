"""Pairing under concurrency, and without Redis: real transactions, connections of their own."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts import redis
from accounts.errors import GatewayError, Unavailable
from accounts.models import ApiKey
from accounts.services import limits
from accounts.tests.factories import MembershipFactory
from devices.models import Device, PairingCode
from devices.services.pairing import PhoneDescription, create_pairing_code, pair_device
from webhooks.models import Endpoint

pytestmark = pytest.mark.usefixtures("transactional_db")


def pair_together(codes: list[str]) -> list[str]:
    """What comes of each code, all sent at the same moment: "paired" or the error's code."""
    together = threading.Barrier(len(codes))

    def pair(number: int, digits: str) -> str:
        try:
            together.wait(timeout=10)
            pair_device(digits=digits, phone=PhoneDescription(), address=f"192.0.2.{number}")
        except GatewayError as error:
            return error.code
        finally:
            connection.close()
        return "paired"

    with ThreadPoolExecutor(len(codes)) as pool:
        futures = [pool.submit(pair, number, digits) for number, digits in enumerate(codes)]
        return sorted(future.result(timeout=20) for future in futures)


def code_of(tenant) -> str:
    return create_pairing_code(tenant=tenant, actor=None)[1]


def test_of_phones_that_send_the_same_code_one_wins():
    digits = code_of(MembershipFactory().tenant)
    assert pair_together([digits] * 6) == ["invalid_pairing_code"] * 5 + ["paired"]
    assert (Device.objects.count(), PairingCode.objects.get().device) == (1, Device.objects.get())


def test_phones_that_are_a_tenants_first_together_share_what_comes_with_it():
    tenant = MembershipFactory().tenant
    assert pair_together([code_of(tenant) for _ in range(6)]) == ["paired"] * 6
    assert Device.objects.filter(is_default=True).count() == 1
    assert (ApiKey.objects.count(), Endpoint.objects.count()) == (1, 1)


def test_without_redis_pairing_is_refused(settings):
    digits, real_url = code_of(MembershipFactory().tenant), settings.REDIS_URL
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings.REDIS_URL = f"redis://127.0.0.1:{unused.getsockname()[1]}/0"
        forget_redis()
        with pytest.raises(Unavailable) as refused:
            pair_device(digits=digits, phone=PhoneDescription(), address="192.0.2.1")
    settings.REDIS_URL = real_url
    forget_redis()
    assert (refused.value.headers, Device.objects.count()) == ({"Retry-After": "1"}, 0)
    assert pair_together([digits]) == ["paired"]


def forget_redis() -> None:
    redis.connection.cache_clear()
    limits.forget_purses()
    limits._script = None
