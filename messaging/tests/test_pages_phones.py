"""A test SMS through one phone, and the log of a phone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Membership
from accounts.services.audit import record_audit
from accounts.tests.factories import MembershipFactory
from devices.models import Device
from devices.tests.factories import DeviceFactory
from messaging.models import Message
from messaging.phone_log import PAGE, LogPosition, page_of_log
from messaging.tests.factories import MessageFactory

pytestmark = pytest.mark.django_db

Role = Membership.Role
SMS = {"number": "+6581230000", "text": "Hello"}


@pytest.fixture
def device():
    return DeviceFactory()


@pytest.fixture
def log_in(client, device):
    def as_member(role=Role.OPERATOR):
        client.force_login(MembershipFactory(tenant=device.tenant, role=role).user)

    return as_member


def sms_path(device):
    return f"/devices/{device.external_id}/test-sms"


def test_test_sms_goes_through_this_phone_alone(client, log_in, device):
    log_in()
    DeviceFactory(tenant=device.tenant, is_default=True)
    answer = client.post(sms_path(device), SMS, follow=True)
    message = Message.objects.get()
    assert (message.device, message.is_pinned, message.origin) == (device, True, "dashboard")
    assert (answer.status_code, answer.context["message"]) == (200, message)


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"number": "12"}, "number"), ({"text": ""}, "text"), ({"text": "x" * 1601}, "text")],
)
def test_wrong_test_sms_is_marked_and_what_was_typed_stays(client, log_in, device, changed, field):
    log_in()
    answer = client.post(sms_path(device), SMS | changed)
    form = answer.context["form"]
    assert (answer.status_code, list(form.errors), form.data.dict()) == (
        422,
        [field],
        SMS | changed,
    )
    assert Message.objects.count() == 0


@pytest.mark.parametrize(
    "columns",
    [{"last_seen_at": None}, {"status": Device.Status.PAUSED}],
)
def test_test_sms_is_refused_while_the_phone_cannot_send(client, log_in, device, columns):
    log_in()
    Device.objects.filter(pk=device.pk).update(**columns)
    answer = client.post(sms_path(device), SMS)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["__all__"])
    assert Message.objects.count() == 0


def test_viewers_may_not_send(client, log_in, device):
    log_in(Role.VIEWER)
    assert client.get(sms_path(device)).status_code == 403
    assert client.post(sms_path(device), SMS).status_code == 403


@pytest.mark.parametrize(
    ("status", "asks_again"), [("queued", 1), ("sent", 1), ("delivered", 0), ("failed", 0)]
)
def test_state_is_asked_for_until_the_end(client, log_in, device, status, asks_again):
    log_in()
    message = MessageFactory(device=device, status=status)
    path = f"{sms_path(device)}/{message.external_id}"
    answer = client.get(path, headers={"HX-Request": "true"})
    assert answer.content.decode().count(f"live:{message.external_id}") == asks_again


def test_nothing_of_another_tenant_exists(client, log_in, device):
    log_in()
    foreign = MessageFactory()
    assert client.get(sms_path(foreign.device)).status_code == 404
    assert client.post(sms_path(foreign.device), SMS).status_code == 404
    assert client.get(f"/devices/{foreign.device.external_id}/log").status_code == 404
    assert client.get(f"{sms_path(device)}/{foreign.external_id}").status_code == 404


def test_log_has_texts_and_changes_newest_first_page_by_page(device):
    now = timezone.now()
    for minutes in range(PAGE):
        MessageFactory(device=device, created_at=now - timedelta(minutes=PAGE - minutes))
    for _ in range(5):
        record_audit(
            tenant=device.tenant, actor=None, action="device.paused", target=device.external_id
        )
    MessageFactory(tenant=device.tenant, device=DeviceFactory(tenant=device.tenant))
    record_audit(tenant=device.tenant, actor=None, action="device.paused", target="dev_other")
    first, position = page_of_log(device, LogPosition())
    assert position is not None
    second, end = page_of_log(device, LogPosition.parse(str(position)))
    assert ([bool(entry.audit) for entry in first], len(second), end) == (
        [True] * 5 + [False] * (PAGE - 5),
        5,
        None,
    )
    shown = [entry.message or entry.audit for entry in first + second]
    assert len(set(shown)) == PAGE + 5


@pytest.mark.parametrize("cursor", ["", "nonsense", ".", "0.x"])
def test_log_begins_at_the_top_with_a_cursor_that_nobody_made(client, log_in, device, cursor):
    log_in(Role.VIEWER)
    message = MessageFactory(device=device)
    answer = client.get(f"/devices/{device.external_id}/log", {"cursor": cursor})
    assert [entry.message for entry in answer.context["entries"]] == [message]


@pytest.mark.parametrize("count", [1, PAGE])
def test_log_takes_as_many_queries_for_one_entry_as_for_a_page(
    device, count, django_assert_num_queries
):
    MessageFactory.create_batch(count, device=device)
    with django_assert_num_queries(2):
        entries, _ = page_of_log(device, LogPosition())
    assert len(entries) == count
