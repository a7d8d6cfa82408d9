"""The same ref, or the same Idempotency-Key, sends once."""

from datetime import timedelta
from functools import partial

import pytest
from django.test import Client
from django.utils import timezone

from devices.models import Device
from devices.tests.factories import DeviceFactory
from integrations.ingress.models import Ingress, IngressPayload, IngressRef
from integrations.ingress.tasks import prune
from integrations.ingress.tests.factories import IngressFactory, IngressPayloadFactory
from messaging.models import Message
from messaging.tests.threads import at_once

TEXT = {"to": "+6581230000", "text": "Hello", "ref": "INV-99"}


@pytest.fixture
def once(ingress):
    Ingress.objects.update(once_per_ref=True)


def test_same_ref_gets_the_first_answer_again(post, once):
    first, second = post(TEXT), post(TEXT | {"text": "Another"})
    assert (first.status_code, second.status_code, second.content) == (202, 202, first.content)
    assert (first.get("Idempotent-Replayed"), second["Idempotent-Replayed"]) == (None, "true")
    assert Message.objects.count() == 1


def test_every_payload_is_sent_when_not_asked_to_be_once(post):
    assert [post(TEXT).status_code for _ in range(2)] == [202, 202]
    assert Message.objects.count() == 2


def test_payloads_without_a_ref_are_all_sent(post, once):
    for ref in ("", None, False, ""):
        assert post(TEXT | {"ref": ref}).status_code == 202
    assert (Message.objects.count(), IngressRef.objects.count()) == (4, 0)


def test_refs_that_are_equal_up_to_where_they_are_cut_are_not_the_same(post, once):
    for end in ("a", "b", "a"):
        assert post(TEXT | {"ref": "x" * 64 + end}).status_code == 202
    assert list(Message.objects.values_list("ref", flat=True)) == ["x" * 64] * 2


def test_ref_of_another_ingress_is_independent(post, once, ingress):
    other = IngressFactory(tenant=ingress.tenant, once_per_ref=True)
    post(TEXT)
    answer = post(TEXT, token=other.secret_token)
    assert (answer.get("Idempotent-Replayed"), Message.objects.count()) == (None, 2)


def test_refused_payload_does_not_use_up_its_ref(post, once):
    Device.objects.update(status=Device.Status.PAUSED)
    refused = post(TEXT)
    Device.objects.update(status=Device.Status.ACTIVE)
    assert (refused.status_code, IngressRef.objects.count()) == (503, 0)
    assert (post(TEXT).status_code, Message.objects.count()) == (202, 1)


def test_ref_is_forgotten_after_a_week(post, once):
    post(TEXT)
    IngressRef.objects.update(created_at=timezone.now() - timedelta(days=6, hours=23))
    assert post(TEXT)["Idempotent-Replayed"] == "true"
    IngressRef.objects.update(created_at=timezone.now() - timedelta(days=7, hours=1))
    assert post(TEXT).get("Idempotent-Replayed") is None
    assert (Message.objects.count(), IngressRef.objects.count()) == (2, 1)


def test_pruning_leaves_the_refs_that_count(post, once):
    post(TEXT)
    IngressRef.objects.update(created_at=timezone.now() - timedelta(days=7, hours=1))
    post(TEXT | {"ref": "other"})
    assert (prune(), prune()) == (1, 0)
    assert IngressRef.objects.get().ref == "other"


def test_idempotency_key_is_honoured(post):
    first, second = (post(TEXT, **{"Idempotency-Key": "k"}) for _ in range(2))
    other = post(TEXT | {"text": "Bye"}, **{"Idempotency-Key": "k"})
    assert (second.content, second["Idempotent-Replayed"]) == (first.content, "true")
    assert (other.status_code, other.json()["error"]) == (409, "conflict")
    assert Message.objects.count() == 1


def test_malformed_idempotency_key_is_refused(post):
    answer = post(TEXT, **{"Idempotency-Key": "x" * 256})
    assert answer.json()["issues"][0]["code"] == "invalid_idempotency_key"


def test_repetitions_are_in_the_log_with_the_first_message(post, once, ingress):
    sent = [post(TEXT, **{"Idempotency-Key": key}).json()["id"] for key in ("a", "a", "b")]
    logged = list(IngressPayload.objects.values_list("status", "message"))
    assert logged == [(202, sent[0])] * 3 and len(set(sent)) == 1


@pytest.mark.django_db(transaction=True)
def test_different_payloads_at_once_are_all_sent_while_the_log_is_trimmed():
    ingress = IngressFactory(tenant=DeviceFactory().tenant, once_per_ref=True)
    IngressPayloadFactory.create_batch(50, ingress=ingress)

    def send(thread: int) -> list[int]:
        path = f"/v1/ingress/{ingress.secret_token}"
        texts = [TEXT | {"ref": f"{thread}-{turn}"} for turn in range(10)]
        return [Client().post(path, text, "application/json").status_code for text in texts]

    assert at_once(*[partial(send, thread) for thread in range(6)]) == [[202] * 10] * 6
    assert Message.objects.count() == 60
    assert 50 <= IngressPayload.objects.count() <= 56


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_equal_payloads_at_once_send_one_sms(headers):
    once = IngressFactory(tenant=DeviceFactory().tenant, once_per_ref=not headers)

    def send() -> tuple[int, bytes]:
        path = f"/v1/ingress/{once.secret_token}"
        answer = Client().post(path, TEXT, "application/json", headers=headers)
        return answer.status_code, answer.content

    answers = at_once(*[send] * 12)
    assert (len(answers), len(set(answers)), answers[0][0]) == (12, 1, 202)
    assert (Message.objects.count(), IngressPayload.objects.count()) == (1, 12)
