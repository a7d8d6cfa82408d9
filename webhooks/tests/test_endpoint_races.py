"""Endpoints that are changed by several at the same moment."""

import pytest

from accounts.errors import Conflict
from accounts.secrets import decrypt
from accounts.tests.factories import TenantFactory
from messaging.tests.threads import at_once
from webhooks.models import Endpoint
from webhooks.services.endpoints import MAX_ENDPOINTS, create_endpoint, rotate_secret
from webhooks.tests.factories import SECRET, EndpointFactory

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://hooks.example.com/sms"


def test_only_one_of_four_gets_the_last_place():
    tenant = TenantFactory()
    EndpointFactory.create_batch(MAX_ENDPOINTS - 1, tenant=tenant)

    def create() -> bool:
        try:
            create_endpoint(tenant=tenant, url=URL, actor=None)
        except Conflict:
            return False
        return True

    assert sorted(at_once(*[create] * 4)) == [False, False, False, True]
    assert Endpoint.objects.of(tenant).count() == MAX_ENDPOINTS


def test_two_rotations_at_once_leave_both_new_secrets_signing():
    endpoint = EndpointFactory()

    def rotate() -> str:
        return rotate_secret(endpoint=Endpoint.objects.get(pk=endpoint.pk), actor=None)

    shown = at_once(rotate, rotate)
    endpoint.refresh_from_db()
    signing = [decrypt(endpoint.secret), decrypt(endpoint.previous_secret)]
    assert sorted(signing) == sorted(shown)
    assert SECRET not in signing
