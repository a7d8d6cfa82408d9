"""Opt-outs when messages are queued, and what becomes of those that were queued already."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.errors import GatewayError
from accounts.tests.factories import bearer
from devices.tests.factories import DeviceFactory
from messaging.errors import RecipientOptedOut
from messaging.events import ContactUnsubscribed, MessageFailed
from messaging.models import Message, OptOut
from messaging.services.opt_outs import opt_in
from messaging.services.outbound import queue_batch, queue_message
from messaging.tests import listening, policies
from messaging.tests.factories import MessageFactory, draft
from messaging.tests.nudges import listening_for
from messaging.tests.opt_outs.helpers import (
    API,
    KEYWORD,
    NUMBER,
    OTHER,
    stop,
    told,
)
from messaging.tests.phone import Phone

pytestmark = pytest.mark.django_db


def test_single_message_to_who_opted_out_is_refused(tenant):
    stop(tenant)
    with pytest.raises(RecipientOptedOut) as refused:
        queue_message(tenant=tenant, draft=draft("8123 0000"), origin=API)
    assert (refused.value.code, refused.value.status) == ("recipient_opted_out", 400)
    assert [(issue.path, issue.code) for issue in refused.value.issues] == [
        ("to", "recipient_opted_out")
    ]
    assert Message.objects.count() == 0


def test_api_answers_with_the_error_and_where_it_is(tenant, client):
    stop(tenant)
    body = {"to": NUMBER, "text": "Hello"}
    headers = bearer(tenant)
    answer = client.post("/v1/messages", body, "application/json", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "recipient_opted_out")
    assert [issue["path"] for issue in answer.json()["issues"]] == ["to"]
    batch = {"messages": [body, {**body, "to": OTHER}]}
    answer = client.post("/v1/messages/batch", batch, "application/json", headers=headers)
    refused, accepted = answer.json()["data"]
    assert (answer.status_code, refused["error"], accepted["status"]) == (
        202,
        "recipient_opted_out",
        "queued",
    )


def test_others_of_the_batch_go_on_and_policies_do_not_see_the_refused(tenant, settings):
    settings.MESSAGE_POLICIES = ["messaging.tests.policies.look"]
    policies.seen.clear()
    stop(tenant)
    drafts = [draft(OTHER), draft(NUMBER), draft("x"), draft("8123 0000"), draft(OTHER)]
    results = queue_batch(tenant=tenant, drafts=drafts, origin=API)
    assert [r.code if isinstance(r, GatewayError) else r.status for r in results] == [
        "queued",
        "recipient_opted_out",
        "validation_error",
        "recipient_opted_out",
        "queued",
    ]
    assert policies.seen == [[OTHER, OTHER]]


def test_scheduled_message_to_who_opted_out_is_refused(tenant):
    stop(tenant)
    later = draft(NUMBER, send_at=timezone.now() + timedelta(days=1))
    (result,) = queue_batch(tenant=tenant, drafts=[later], origin=API)
    assert result.code == "recipient_opted_out"


@pytest.mark.parametrize("origin", sorted(set(Message.Origin) - {KEYWORD}))
def test_every_origin_but_keyword_is_refused(tenant, origin):
    stop(tenant)
    (result,) = queue_batch(tenant=tenant, drafts=[draft(NUMBER)], origin=origin)
    assert result.code == "recipient_opted_out"


def test_other_tenants_send_on(tenant):
    other = DeviceFactory().tenant
    message = MessageFactory(device=other.devices.get(), tenant=other, recipient=NUMBER)
    stop(tenant)
    assert queue_message(tenant=other, draft=draft(NUMBER), origin=API).status == "queued"
    message.refresh_from_db()
    assert message.status == "queued"
    assert len(Phone(other.devices.get()).pull().offers) == 2


@pytest.mark.parametrize("status", ["queued", "scheduled"])
def test_what_waits_fails_and_says_why(phone, tenant, status):
    message, other = phone.queue(recipient=NUMBER, status=status), phone.queue(recipient=OTHER)
    assert stop(tenant) is True
    message.refresh_from_db()
    other.refresh_from_db()
    assert (message.status, message.error_code, message.error) == (
        "failed",
        "recipient_opted_out",
        "The recipient has opted out.",
    )
    assert other.status == "queued"
    assert [(event.kind, event.key) for event in message.events.all()] == [
        ("opted_out", "1.opted_out")
    ]
    at = message.failed_at
    assert listening.heard == [
        MessageFailed(tenant.pk, message.pk, at),
        ContactUnsubscribed(tenant.pk, NUMBER, "api", at),
    ]


@pytest.mark.parametrize("status", ["leased", "accepted"])
def test_what_a_phone_has_is_asked_back(phone, tenant, status, django_capture_on_commit_callbacks):
    message = phone.queue(recipient=NUMBER, **{status: True})
    with listening_for(phone.device) as listener:
        with django_capture_on_commit_callbacks(execute=True):
            stop(tenant)
        assert listener.next() == phone.device.pk
    message.refresh_from_db()
    assert (message.status, message.cancel_requested_at is None) == (status, False)
    assert phone.pull().cancels == [message.attempt_id]
    phone.tell("released", message)
    assert message.status == "canceled"


@pytest.mark.parametrize("status", ["sent", "delivered", "failed", "expired", "unknown"])
def test_what_left_or_ended_stays(phone, tenant, status):
    message = phone.queue(recipient=NUMBER, status=status)
    stop(tenant)
    message.refresh_from_db()
    assert (message.status, message.cancel_requested_at) == (status, None)


def test_answer_to_a_keyword_is_not_ended(phone, tenant):
    answer = phone.queue(recipient=NUMBER, origin=KEYWORD)
    stop(tenant)
    assert [offer.attempt_id for offer in phone.pull().offers] == [answer.attempt_id]


def test_inbound_texts_of_the_number_stay(phone, tenant):
    message = MessageFactory(device=phone.device, tenant=tenant, inbound=True, sender=NUMBER)
    stop(tenant)
    message.refresh_from_db()
    assert message.status == "received"


def test_opting_out_twice_is_announced_once_and_still_ends_what_slipped_in(phone, tenant):
    assert stop(tenant) is True
    message = phone.queue(recipient=NUMBER)
    assert stop(tenant) is False
    message.refresh_from_db()
    assert message.status == "failed"
    assert [name for name, *_ in told()] == ["contact.unsubscribed", "message.failed"]
    assert OptOut.objects.get().source == "api"


def test_opting_in_says_whether_there_was_an_opt_out_and_is_of_one_tenant(tenant):
    other = DeviceFactory().tenant
    stop(tenant)
    stop(other)
    assert [opt_in(tenant=tenant, number=n) for n in (OTHER, NUMBER, NUMBER)] == [
        False,
        True,
        False,
    ]
    assert OptOut.objects.get().tenant == other


def test_opt_out_that_is_rolled_back_leaves_everything(phone, tenant):
    message = phone.queue(recipient=NUMBER)
    with transaction.atomic():
        stop(tenant)
        transaction.set_rollback(True)
    message.refresh_from_db()
    assert (message.status, OptOut.objects.count()) == ("queued", 0)
