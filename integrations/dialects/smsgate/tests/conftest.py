"""Fixtures of the SMSGate API's tests."""

import json
from base64 import b64encode

import pytest

from accounts.tests.factories import bearer
from devices.tests.factories import DeviceFactory

BASE = "/api/3rdparty/v1"


@pytest.fixture
def device(db):
    """A phone, online, of a tenant in Singapore."""
    return DeviceFactory()


@pytest.fixture
def call(client, device):
    """A function that calls the API with a key of the tenant, which may do everything."""
    keys = bearer(device.tenant)

    def send(method, path, body=None, *, headers=keys):
        content = b"" if body is None else json.dumps(body).encode()
        return client.generic(method, BASE + path, content, "application/json", headers=headers)

    return send


@pytest.fixture
def send(call):
    """A function that sends a text; its fields may be changed."""

    def post(**fields):
        body = {"phoneNumbers": ["+6581230000"], "textMessage": {"text": "Hi"}} | fields
        return call("POST", "/messages", body)

    return post


def basic(password: str, login: str = "anybody") -> dict[str, str]:
    """Headers of a login."""
    return {"Authorization": "Basic " + b64encode(f"{login}:{password}".encode()).decode()}


def secret_of(headers: dict[str, str]) -> str:
    """The key in the headers that `bearer` made."""
    return headers["Authorization"].removeprefix("Bearer ")
