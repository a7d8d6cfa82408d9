"""Several requests of one phone at once."""

from functools import partial

import pytest

from accounts.tests.factories import TenantFactory
from devices.services.pairing import create_pairing_code
from integrations.phones.smsgate.models import InboundEvent, PairedApp
from integrations.phones.smsgate.services.presence import renew_streams
from integrations.phones.smsgate.tests.factories import AppClient, PairedAppFactory, text
from integrations.phones.smsgate.tests.test_registration import register
from messaging.models import Message
from messaging.tests.factories import in_bulk
from messaging.tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("round_", range(5))
def test_events_of_one_text_that_come_at_once_are_stored_once(round_):
    phone = AppClient()
    posts = [
        partial(phone.post, "sms:received", text(), event_id=event_id)
        for event_id in ("1", "1", "2", "2")
    ]
    answers = at_once(*posts)
    assert [answer.status_code for answer in answers] == [204] * 4
    assert (Message.objects.count(), InboundEvent.objects.count()) == (1, 1)


def test_one_of_the_phones_that_type_a_code_at_once_is_paired():
    _, code = create_pairing_code(tenant=TenantFactory(), actor=None)
    answers = at_once(*[partial(register, f"Code {code}")] * 4)
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401]
    assert PairedApp.objects.count() == 1


def test_fetches_at_once_list_the_same_window():
    phone = AppClient()
    in_bulk(30, device=phone.device)
    at_once(*[partial(phone, "GET", "/message")] * 3)
    assert Message.objects.filter(status="leased").count() == 20
    assert len(phone("GET", "/message").json()) == 20


def test_processes_that_renew_the_same_streams_do_not_wait_for_each_other():
    device_ids = [PairedAppFactory().device_id for _ in range(30)]
    renewals = at_once(*[partial(renew_streams, device_ids=ids) for ids in (device_ids,) * 4])
    known = {device_id for renewed in renewals for device_id in renewed}
    assert known == set(device_ids)
