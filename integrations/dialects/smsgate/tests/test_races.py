"""The same id from several clients at once, and after a try that broke off."""

import json
import threading

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import Tenant
from accounts.tests.factories import bearer
from devices.tests.factories import DeviceFactory
from integrations.dialects.smsgate.models import Batch
from integrations.dialects.smsgate.tests.conftest import BASE
from messaging.models import Message
from messaging.tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
BODY = {"phoneNumbers": ["+6581230000", "+6581230001"], "message": "Hi", "id": "m"}


@pytest.fixture
def post():
    """A function that sends the same message, wherever it is called."""
    headers = bearer(DeviceFactory().tenant)

    def send() -> int:
        client = Client(raise_request_exception=False)
        content = json.dumps(BODY)
        path = f"{BASE}/messages"
        answer = client.generic("POST", path, content, "application/json", headers=headers)
        return answer.status_code

    return send


def broken(*, tenant, drafts):
    """A policy that ends the request in the middle of its transaction."""
    raise RuntimeError("the process died here")


def test_of_several_at_once_one_sends(post):
    assert sorted(at_once(*[post] * 5)) == [202, 409, 409, 409, 409]
    assert (Batch.objects.count(), Message.objects.count()) == (1, 2)


def test_try_that_broke_off_left_nothing_and_may_be_repeated(post, settings):
    settings.MESSAGE_POLICIES = [f"{__name__}.broken"]
    assert (post(), Batch.objects.count(), Message.objects.count()) == (500, 0, 0)
    settings.MESSAGE_POLICIES = []
    assert (post(), post(), Message.objects.count()) == (202, 409, 2)


def test_whoever_waits_too_long_for_the_first_is_told_to_try_again(post):
    tenant = Tenant.objects.get()
    has_begun, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        """The first request, which has the id and is still under way; then it fails."""
        with transaction.atomic():
            Batch.objects.create(tenant=tenant, public_id="m", created_at=tenant.created_at)
            has_begun.set()
            assert may_end.wait(timeout=10)
            transaction.set_rollback(True)

    def try_meanwhile() -> int:
        assert has_begun.wait(timeout=10)
        try:
            return post()
        finally:
            may_end.set()

    assert at_once(hold, try_meanwhile) == [None, 503]
    assert (post(), Message.objects.count()) == (202, 2)
