"""Fixtures of the ingress tests."""

import json

import pytest

from accounts.tests.factories import bearer
from devices.tests.factories import DeviceFactory
from integrations.ingress.tests.factories import IngressFactory


@pytest.fixture
def device(db):
    return DeviceFactory()


@pytest.fixture
def ingress(device):
    """An ingress of a tenant in Singapore that has a phone online."""
    return IngressFactory(tenant=device.tenant)


@pytest.fixture
def post(client, ingress):
    """A function that posts to the ingress's URL: JSON, or bytes of a given content type."""

    def send(payload, content_type="application/json", *, token=ingress.secret_token, **headers):
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return client.generic("POST", f"/v1/ingress/{token}", body, content_type, headers=headers)

    return send


@pytest.fixture
def call(client, device):
    """A function that calls the API with a key of the tenant, which may do everything."""
    keys = bearer(device.tenant)

    def send(method, path, body=None, *, headers=keys):
        content = b"" if body is None else json.dumps(body).encode()
        return client.generic(method, path, content, "application/json", headers=headers)

    return send
