"""Staff look at webhooks; secrets, URLs and what was said they do not see."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from webhooks.tests.factories import (
    SECRET,
    DeliveryAttemptFactory,
    DeliveryFactory,
    EndpointFactory,
    EventFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client):
    client.force_login(User.objects.create_superuser("staff@example.com"))
    return client


@pytest.fixture
def delivery():
    endpoint = EndpointFactory(url="https://hooks.example.com/path-of-alice?token=xyzzy")
    event = EventFactory(tenant=endpoint.tenant, body='{"text":"Words of theirs"}')
    delivery = DeliveryFactory(endpoint=endpoint, event=event, failed=True)
    DeliveryAttemptFactory(
        delivery=delivery,
        request_headers={"x-mac-signature": "sha256=abc"},
        status=503,
        response_body="Words of theirs, too",
    )
    return delivery


@pytest.mark.parametrize("kind", ["endpoint", "delivery"])
def test_staff_see_hosts_but_nothing_secret(staff, delivery, kind):
    row = {"endpoint": delivery.endpoint, "delivery": delivery}[kind]
    listed = staff.get(f"/admin/webhooks/{kind}/")
    shown = staff.get(f"/admin/webhooks/{kind}/{row.pk}/change/")
    assert [listed.status_code, shown.status_code] == [200, 200]
    for page in (listed.content.decode(), shown.content.decode()):
        assert "hooks.example.com" in page
        told = ["path-of-alice", "xyzzy", "Words of theirs", "sha256=abc", SECRET[12:]]
        told.append(delivery.endpoint.secret)
        assert [text for text in told if text in page] == []


@pytest.mark.parametrize("kind", ["endpoint", "delivery"])
def test_staff_change_nothing(staff, delivery, kind):
    row = {"endpoint": delivery.endpoint, "delivery": delivery}[kind]
    where = f"/admin/webhooks/{kind}"
    pages = [f"{where}/add/", f"{where}/{row.pk}/delete/"]
    assert [staff.get(page).status_code for page in pages] == [403, 403]
    assert staff.post(f"{where}/{row.pk}/change/", {"state": "disabled"}).status_code == 403


def test_log_takes_as_many_queries_for_one_delivery_as_for_thirty(staff):
    counts = []
    for more in (1, 29):
        DeliveryFactory.create_batch(more)
        with CaptureQueriesContext(connection) as queries:
            staff.get("/admin/webhooks/delivery/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
