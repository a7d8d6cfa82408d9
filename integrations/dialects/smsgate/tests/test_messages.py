"""`/messages`: what is sent, under which id, and what its states are."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.ids import first_id_of, new_id, short_id
from accounts.tests.factories import bearer
from devices.tests.factories import DeviceFactory, SimFactory
from integrations.dialects.smsgate.models import Batch
from integrations.dialects.smsgate.services.batches import prune_batches
from messaging.models import Message
from messaging.services.retention import prune_messages
from messaging.tests.factories import MessageFactory, OptOutFactory, change

NUMBERS = ["+6581230000", "+6581230001", "+6581230002"]
FAILED, SENT, DELIVERED = "failed", "sent", "delivered"


def batch_of(device, *statuses, **columns) -> Batch:
    """A batch with a message in each of these states."""
    batch = Batch.objects.create(
        tenant=device.tenant, public_id=short_id(new_id()), created_at=timezone.now()
    )
    made = [
        MessageFactory(device=device, tenant=device.tenant, status=status, **columns)
        for status in statuses
    ]
    batch.messages.add(*made)
    return batch


def state_of(call, batch) -> dict:
    return call("GET", f"/messages/{batch.public_id}").json()


class TestSend:
    def test_answer_is_a_message_state(self, send, device):
        answer = send(id="order-1")
        state = answer.json()
        message = Message.objects.get()
        created_at = state["createdAt"]
        assert (answer.status_code, answer["Location"]) == (
            202,
            "/api/3rdparty/v1/messages/order-1",
        )
        assert state == {
            "id": "order-1",
            "deviceId": short_id(device.public_id),
            "state": "Pending",
            "isHashed": False,
            "isEncrypted": False,
            "recipients": [{"phoneNumber": "+6581230000", "state": "Pending"}],
            "states": {"Pending": state["states"]["Pending"]},
            "createdAt": created_at,
        }
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", created_at)
        assert (message.tenant, message.text, message.ref) == (device.tenant, "Hi", "order-1")

    def test_without_an_id_one_is_made(self, send, call):
        state = send().json()
        assert len(state["id"]) == 21
        assert call("GET", f"/messages/{state['id']}").json() == state

    @pytest.mark.parametrize("path", ["/message", "/messages", "/message/", "/messages/"])
    def test_every_spelling_of_the_path_works(self, call, path):
        body = {"phoneNumbers": NUMBERS[:1], "message": "The old way to give a text"}
        assert call("POST", path, body).status_code == 202
        assert call("GET", path).status_code == 200

    def test_several_numbers_are_a_message_each_under_one_id(self, send, call):
        state = send(id="m", phoneNumbers=NUMBERS).json()
        rows = Message.objects.order_by("pk").values_list("recipient", "metadata")
        assert list(rows) == [(number, {"smsgateId": "m"}) for number in NUMBERS]
        assert [recipient["phoneNumber"] for recipient in state["recipients"]] == NUMBERS

    def test_a_number_that_comes_twice_gets_one_text(self, send):
        send(phoneNumbers=["+6581230000", "8123 0000", "+65 8123 0000"])
        assert Message.objects.count() == 1

    def test_options_become_ours(self, send, device):
        other = DeviceFactory(tenant=device.tenant)
        SimFactory(device=other, tenant=device.tenant, slot=2)
        at = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
        send(
            deviceId=short_id(other.public_id),
            simNumber=2,
            priority=100,
            scheduleAt=at.isoformat(),
            ttl=60,
            withDeliveryReport=False,
            isEncrypted=False,
            somethingNew=1,
        )
        message = Message.objects.get()
        assert (message.device, message.sim_slot, message.lane) == (other, 2, Message.Lane.URGENT)
        assert (message.send_at, message.expires_at) == (at, at + timedelta(seconds=60))

    @pytest.mark.parametrize(
        ("priority", "lane"), [(127, 0), (100, 0), (99, 1), (0, 1), (-1, 2), (-128, 2)]
    )
    def test_priority_is_a_lane(self, send, priority, lane):
        send(priority=priority)
        assert Message.objects.get().lane == lane

    @pytest.mark.parametrize(
        "valid_until", ["2030-01-01T08:00:00.123456+08:00", "2030-01-01T00:00:00.123456"]
    )
    def test_valid_until_is_read_leniently(self, send, valid_until):
        send(validUntil=valid_until)
        assert Message.objects.get().expires_at == datetime(2030, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)

    def test_a_text_waits_for_a_phone_that_is_offline(self, send, device):
        change(device, last_seen_at=timezone.now() - timedelta(days=2))
        assert send().json()["state"] == "Pending"

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"phoneNumbers": []}, "phoneNumbers: Expected array of length >= 1."),
            ({"phoneNumbers": ["+658123000" + "0" * 9]}, None),
            ({"phoneNumbers": [*NUMBERS, "nobody"]}, None),
            ({"phoneNumbers": ["+6581230000"] * 101}, None),
            ({"textMessage": None}, "textMessage: Give the text once, as textMessage."),
            ({"message": "Twice"}, "textMessage: Give the text once, as textMessage."),
            (
                {"textMessage": {"text": ""}},
                "textMessage.text: text must have 1 to 1600 characters; this one has 0.",
            ),
            (
                {"isEncrypted": True},
                "isEncrypted: Encrypted messages are not possible here. Leave the encryption out.",
            ),
            (
                {"textMessage": None, "dataMessage": {"data": "AA==", "port": 1}},
                "Only texts can be sent: no data, no MMS.",
            ),
            (
                {"textMessage": None, "mmsMessage": {"text": "Hi"}},
                "Only texts can be sent: no data, no MMS.",
            ),
            (
                {"ttl": 60, "validUntil": "2030-01-01T00:00:00Z"},
                "ttl: Give ttl or validUntil, not both.",
            ),
            ({"ttl": 4}, "ttl: Expected int >= 5."),
            ({"simNumber": 0}, "simNumber: Expected int >= 1."),
            ({"simNumber": 9}, "simNumber: No phone has a SIM 9."),
            ({"priority": 128}, "priority: Expected int <= 127."),
            ({"id": "x" * 37}, None),
            ({"id": "a/b"}, None),
            ({"id": "a\nb"}, None),
            (
                {"validUntil": "2020-01-01T00:00:00Z"},
                "validUntil: validUntil must be in the future, and after scheduleAt.",
            ),
            ({"validUntil": "0001-01-01T00:00:00+14:00"}, "validUntil is out of range."),
            ({"deviceId": "x"}, "deviceId: There is no such device."),
            ({"deviceId": short_id(new_id())}, "deviceId: There is no such device."),
        ],
    )
    def test_what_cannot_be_sent_is_told_and_not_sent(self, send, fields, sentence):
        answer = send(**fields)
        assert (answer.status_code, list(answer.json())) == (400, ["message"])
        assert answer.json()["message"].endswith(sentence or ".")
        assert (Message.objects.count(), Batch.objects.count()) == (0, 0)

    def test_another_tenants_phone_is_as_unknown_as_nobodys(self, send):
        theirs = send(deviceId=short_id(DeviceFactory().public_id))
        nobodys = send(deviceId=short_id(new_id()))
        assert (theirs.status_code, theirs.json()) == (nobodys.status_code, nobodys.json())

    def test_test_key_reaches_simulated_phones_only(self, send, call, device):
        change(device, kind="android")
        body = {"phoneNumbers": NUMBERS, "message": "Hi"}
        headers = bearer(device.tenant, prefix="sk_test_")
        assert call("POST", "/messages", body, headers=headers).status_code == 503
        change(device, kind="simulated")
        assert call("POST", "/messages", body, headers=headers).status_code == 202
        assert set(Message.objects.values_list("is_test", flat=True)) == {True}


class TestPhones:
    @pytest.mark.parametrize(
        ("hours_ago", "within", "status"), [(1, 2, 202), (3, 2, 503), (3, 0, 202), (3, "x", 400)]
    )
    def test_only_phones_seen_lately(self, call, device, hours_ago, within, status):
        change(device, last_seen_at=timezone.now() - timedelta(hours=hours_ago))
        body = {"phoneNumbers": NUMBERS, "message": "Hi"}
        path = f"/messages?skipPhoneValidation=true&deviceActiveWithin={within}"
        assert call("POST", path, body).status_code == status

    @pytest.mark.parametrize("columns", [{"status": "revoked"}, {"status": "paused"}])
    def test_without_a_phone_nothing_is_sent(self, send, device, columns):
        change(device, **columns)
        answer = send()
        sentence = "There is no phone that could send this. Pair or connect one."
        assert (answer.status_code, answer.json()) == (503, {"message": sentence})
        assert (Message.objects.count(), Batch.objects.count()) == (0, 0)


class TestOnce:
    def test_id_that_is_known_is_a_conflict_and_sends_nothing(self, send):
        first = send(id="m")
        again = send(id="m", phoneNumbers=NUMBERS)
        assert (first.status_code, again.status_code) == (202, 409)
        assert again.json() == {
            "message": "There is a message 'm' already. Nothing was sent again."
        }
        assert Message.objects.count() == 1

    def test_id_of_another_tenant_is_free(self, send, call):
        send(id="m")
        headers = bearer(DeviceFactory().tenant)
        body = {"phoneNumbers": NUMBERS, "message": "Hi", "id": "m"}
        assert call("POST", "/messages", body, headers=headers).status_code == 202

    def test_id_of_a_try_that_was_refused_is_free(self, send):
        assert send(id="m", textMessage={"text": ""}).status_code == 400
        assert send(id="m").status_code == 202

    def test_segments_of_the_day_are_all_or_none(self, send, device):
        change(device.tenant, segments_per_day=2)
        answer = send(id="m", phoneNumbers=NUMBERS)
        assert (answer.status_code, Message.objects.count()) == (429, 0)
        assert "Retry-After" in answer.headers


class TestOptOuts:
    def test_recipient_who_opted_out_is_told_of_as_failed(self, send, call, device):
        OptOutFactory(tenant=device.tenant, number=NUMBERS[1])
        state = send(id="m", phoneNumbers=NUMBERS).json()
        assert [recipient["state"] for recipient in state["recipients"]] == [
            "Pending",
            "Pending",
            "Failed",
        ]
        assert state["recipients"][2] == {
            "phoneNumber": NUMBERS[1],
            "state": "Failed",
            "error": "The recipient has opted out of your messages. Do not send to this number.",
        }
        assert Message.objects.count() == 2
        Message.objects.update(status="delivered")
        assert call("GET", "/messages/m").json()["state"] == "Sent"

    def test_if_all_have_opted_out_nothing_is_sent(self, send, device):
        OptOutFactory(tenant=device.tenant, number=NUMBERS[0])
        assert send(id="m").status_code == 400
        assert Batch.objects.count() == 0


class TestStates:
    @pytest.mark.parametrize(
        ("statuses", "state"),
        [
            (["scheduled"], "Pending"),
            (["queued"], "Pending"),
            (["leased"], "Pending"),
            (["accepted"], "Processed"),
            (["sent"], "Sent"),
            (["delivered"], "Delivered"),
            (["failed"], "Failed"),
            (["expired"], "Failed"),
            (["unknown"], "Failed"),
            (["canceled"], "Cancelled"),
            (["delivered", "queued", "failed"], "Pending"),
            (["delivered", "canceled", "accepted"], "Cancelled"),
            (["delivered", "accepted", "failed"], "Processed"),
            (["failed", "expired", "unknown"], "Failed"),
            (["delivered", "delivered"], "Delivered"),
            (["delivered", "failed"], "Sent"),
            (["delivered", "sent"], "Sent"),
        ],
    )
    def test_state_is_that_of_the_recipients(self, call, device, statuses, state):
        batch = batch_of(device, *statuses)
        batch_of(device, "delivered", "queued", "canceled")
        assert state_of(call, batch)["state"] == state
        found = call("GET", f"/messages?state={state}").json()
        assert [row["state"] for row in found] == [state] * len(found)
        assert batch.public_id in [row["id"] for row in found]

    @pytest.mark.parametrize(
        ("status", "state"),
        [("leased", "Cancelling"), ("accepted", "Cancelling"), ("sent", "Sent")],
    )
    def test_message_that_is_asked_back_is_cancelling(self, call, device, status, state):
        batch = batch_of(device, status, cancel_requested_at=timezone.now())
        assert state_of(call, batch)["state"] == state

    def test_failure_is_explained(self, call, device):
        batch = batch_of(device, "failed", error="No service.")
        batch.messages.add(batch_of(device, "expired").messages.get())
        batch.messages.add(batch_of(device, "unknown").messages.get())
        assert [row["error"] for row in state_of(call, batch)["recipients"]] == [
            "No service.",
            "TTL expired",
            "The phone has not told what became of it; it may have been sent.",
        ]

    def test_times_are_those_of_the_last_recipient(self, call, device):
        at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
        batch = batch_of(device, "delivered", sent_at=at, created_at=at)
        later = batch_of(device, "sent", sent_at=at + timedelta(seconds=1), created_at=at)
        batch.messages.add(later.messages.get())
        assert state_of(call, batch)["states"] == {
            "Pending": "2026-01-02T03:04:05.678Z",
            "Sent": "2026-01-02T03:04:06.678Z",
        }


class TestCancel:
    def test_all_that_can_be_stopped_is(self, call, device):
        batch = batch_of(device, "queued", "accepted", "sent")
        answer = call("DELETE", f"/messages/{batch.public_id}")
        states = [recipient["state"] for recipient in answer.json()["recipients"]]
        assert (answer.status_code, states) == (200, ["Cancelled", "Cancelling", "Sent"])
        assert answer.json()["state"] == "Cancelling"

    @pytest.mark.parametrize("status", ["sent", "delivered", "failed", "canceled", "expired"])
    def test_what_has_ended_is_a_conflict(self, call, device, status):
        batch = batch_of(device, status)
        answer = call("DELETE", f"/messages/{batch.public_id}")
        assert (answer.status_code, list(answer.json())) == (409, ["message"])

    def test_asking_twice_is_no_error(self, call, device):
        batch = batch_of(device, "accepted", "leased")
        answers = [call("DELETE", f"/messages/{batch.public_id}") for _ in range(2)]
        told = [(answer.status_code, answer.json()["state"]) for answer in answers]
        assert told == [(200, "Cancelling")] * 2

    def test_unknown_one_is_not_found(self, call):
        answer = call("DELETE", "/messages/nothing")
        assert (answer.status_code, answer.json()) == (
            404,
            {"message": "There is no such resource."},
        )


class TestList:
    def ids(self, call, query: str = "") -> list[str]:
        return [row["id"] for row in call("GET", f"/messages{query}").json()]

    def test_newest_first_in_pages_with_a_total(self, call, device):
        made = [batch_of(device, "sent").public_id for _ in range(4)]
        answer = call("GET", "/messages?limit=2&offset=1")
        assert [row["id"] for row in answer.json()] == [made[2], made[1]]
        assert answer["X-Total-Count"] == "4"
        assert self.ids(call, "?sort=created_at") == made

    def test_filters_narrow(self, call, device):
        other = DeviceFactory(tenant=device.tenant)
        with time_machine.travel("2026-01-01T00:00:00Z", tick=False):
            old = batch_of(device, "sent", "sent").public_id
        new = batch_of(other, "queued").public_id
        day = "2026-01-01T00:00:00%2B00:00"
        assert self.ids(call, f"?to={day}") == [old]
        assert self.ids(call, f"?from={day}") == [new, old]
        assert self.ids(call, "?from=2026-01-01T00:00:00.001Z") == [new]
        assert self.ids(call, f"?deviceId={short_id(device.public_id)}") == [old]
        assert self.ids(call, f"?deviceId={short_id(device.public_id)}&state=Pending") == []
        assert self.ids(call, "?deviceId=nothing") == []

    def test_content_is_there_when_asked_for(self, call, device):
        batch_of(device, "sent", "sent", text="Hello")
        assert [row.get("textMessage") for row in call("GET", "/messages").json()] == [None]
        (row,) = call("GET", "/messages?includeContent=True").json()
        assert row["textMessage"] == {"text": "Hello"}

    @pytest.mark.parametrize(
        "query", ["limit=101", "limit=0", "offset=-1", "state=Lost", "sort=id", "from=yesterday"]
    )
    def test_query_that_makes_no_sense_is_told(self, call, query):
        answer = call("GET", f"/messages?{query}")
        assert (answer.status_code, list(answer.json())) == (400, ["message"])
        assert answer.json()["message"].startswith(query.partition("=")[0] + ": ")

    @pytest.mark.parametrize("moment", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
    def test_ends_of_the_calendar_are_no_server_error(self, call, moment):
        assert call("GET", f"/messages?from={moment}").status_code == 400

    def test_other_tenants_messages_are_not_there(self, call):
        batch = batch_of(DeviceFactory(), "sent")
        assert (self.ids(call), call("GET", "/messages")["X-Total-Count"]) == ([], "0")
        assert call("GET", f"/messages/{batch.public_id}").status_code == 404

    def test_one_and_thirty_take_as_many_queries(self, call, device):
        batch_of(device, "sent", "queued")
        call("GET", "/messages")
        with CaptureQueriesContext(connection) as one:
            call("GET", "/messages?state=Pending")
        for _ in range(29):
            batch_of(device, "sent", "queued", "failed")
        with CaptureQueriesContext(connection) as thirty:
            found = call("GET", "/messages?state=Pending").json()
        assert (len(found), len(thirty)) == (30, len(one))


def test_batch_goes_when_its_messages_are_too_old(call, device):
    change(device.tenant, retention_days=7)
    long_ago = timezone.now() - timedelta(days=8)
    with time_machine.travel(long_ago):
        old = batch_of(device, "sent", public_id=first_id_of(long_ago))
        kept = batch_of(device, "queued")
    assert prune_batches() == 0
    prune_messages()
    assert prune_batches() == 1
    assert [row["id"] for row in call("GET", "/messages").json()] == [kept.public_id]
    assert not Batch.objects.filter(pk=old.pk).exists()
