"""The traffic with a phone, over a socket and over HTTP, on the real Redis and PostgreSQL."""

import pytest
from django.db import connection

from devices.hub import run
from devices.models import Device
from devices.tests.factories import DeviceFactory
from devices.tests.sockets import HELLO
from messaging.models import Message, MessageEvent
from messaging.services.outbound import cancel_message
from messaging.tests.factories import MessageFactory, in_bulk
from messaging.tests.phones import queue_for


@pytest.fixture(autouse=True)
def _without_poll(settings):
    """Nobody looks around for lost nudges."""
    settings.DEVICE_POLL_SECONDS = 3600.0


@pytest.fixture
def device(transactional_db):
    return DeviceFactory()


async def _state(message: Message) -> str:
    return (await run(Message.objects.get, pk=message.pk)).status


async def _count(**filters) -> int:
    return await run(Message.objects.filter(**filters).count)


async def test_hello_is_followed_by_what_is_due(connect, device):
    message = await queue_for(device, text="Grüße 🙂")
    phone = await connect(device)
    frame = await phone.hear()
    assert 86_000_000 < frame.pop("expires_in_ms") <= 86_400_000
    assert frame == {
        "type": "message.send",
        "attempt_id": message.attempt_id,
        "to": "+6581230000",
        "text": "Grüße 🙂",
        "sim": 1,
        "segments": 1,
        "encoding": "ucs2",
    }


async def test_held_message_gets_the_phone_that_connects(connect, device):
    message = await run(MessageFactory, tenant=device.tenant, device=None)
    phone = await connect(device)
    assert (await phone.hear())["attempt_id"] == message.attempt_id


async def test_reports_are_acked_and_stored(connect, device):
    message = await queue_for(device)
    phone = await connect(device)
    await phone.hear()
    states = []
    for kind in ("accepted", "sent", "delivered"):
        await phone.report(kind, message)
        states.append(await _state(message))
    assert states == ["accepted", "sent", "delivered"]


async def test_repeated_report_is_acked_again_and_stored_once(connect, device):
    message = await queue_for(device)
    phone = await connect(device)
    await phone.hear()
    for _ in range(3):
        await phone.report("sent", message)
    assert await run(MessageEvent.objects.filter(kind="sent").count) == 1


async def test_report_of_an_attempt_that_the_phone_never_got_is_refused_for_good(connect, device):
    foreign = await run(MessageFactory, leased=True)
    phone = await connect(device)
    frame_id = await phone.say("message.sent", attempt_id=foreign.attempt_id)
    assert await phone.hear() == {
        "type": "error",
        "id": frame_id,
        "code": "unknown_attempt",
        "message": "This phone was never offered that attempt.",
    }
    assert await _state(foreign) == "leased"


async def test_offer_without_an_answer_is_made_again_on_the_next_connection(connect, device):
    message = await queue_for(device)
    first = await connect(device)
    offered = [(await first.hear())["attempt_id"]]
    await first.leave()
    second = await connect(device)
    offered.append((await second.hear())["attempt_id"])
    assert offered == [message.attempt_id] * 2


async def test_hello_of_changed_sims_makes_no_second_text_of_what_is_offered(connect, device):
    message = await queue_for(device)
    phone = await connect(device)
    offered = [await phone.hear()]
    sims = [{"slot": 1, "carrier": "Example Mobile"}, {"slot": 2, "number": "+6581239902"}]
    await phone.tell(HELLO | {"sims": sims})
    welcome = await phone.hear()
    assert [sim["slot"] for sim in welcome["settings"]["sims"]] == [1, 2]
    report = await phone.say("message.sent", attempt_id=message.attempt_id)
    while (frame := await phone.hear()) != {"type": "ack", "id": report}:
        offered.append(frame)  # over a socket it may come again
    assert {frame["attempt_id"] for frame in offered} == {message.attempt_id}
    assert await _state(message) == "sent"
    assert await phone.is_silent()


async def test_accepted_message_is_not_offered_again(connect, device):
    message = await queue_for(device)
    first = await connect(device)
    await first.hear()
    await first.report("accepted", message)
    await first.leave()
    assert await (await connect(device)).is_silent()


async def test_cancel_is_asked_and_the_release_acked(connect, device):
    message = await queue_for(device)
    phone = await connect(device)
    await phone.hear()
    await phone.report("accepted", message)
    await phone.settle()
    assert await run(cancel_message, message=message) is False
    cancel = {"type": "message.cancel", "attempt_id": message.attempt_id}
    assert await phone.hear() == cancel
    released = {"attempt_id": message.attempt_id, "reason": "canceled"}
    frame_id = await phone.say("message.released", **released)
    while (frame := await phone.hear()) == cancel:
        pass  # it is asked at every look until the phone has answered
    assert frame == {"type": "ack", "id": frame_id}
    assert await _state(message) == "canceled"


async def test_cancel_is_asked_again_on_the_next_connection(connect, device):
    message = await queue_for(device)
    first = await connect(device)
    await first.hear()
    await first.leave()
    await run(cancel_message, message=message)
    second = await connect(device)
    assert await second.hear() == {"type": "message.cancel", "attempt_id": message.attempt_id}


async def test_hundred_reports_in_one_go_are_acked_in_order(connect, device, settings):
    settings.DEVICE_WINDOW_PER_SIM = 100
    await run(in_bulk, count=100, device=device)
    phone = await connect(device)
    offers = [(await phone.hear())["attempt_id"] for _ in range(100)]
    said = [await phone.say("message.sent", attempt_id=offer) for offer in offers]
    assert [await phone.hear() for _ in offers] == [{"type": "ack", "id": id_} for id_ in said]
    assert await _count(status="sent") == 100
    assert (await run(Device.objects.get)).sent_count == 100


async def test_inbound_text_is_acked_each_time_and_stored_once(connect, device):
    phone = await connect(device)
    frame = {"type": "message.received", "id": "fact-1", "from": "DBS-Bank", "text": "Hi\u0000"}
    for _ in range(3):
        assert await phone.ask(frame) == {"type": "ack", "id": "fact-1"}
    await phone.confirm("message.received", **{"from": "DBS-Bank", "text": "Hi\u0000"})
    stored = await run(lambda: list(Message.objects.values_list("sender", "text", "status")))
    assert stored == [("DBS-Bank", "Hi", "received")] * 2


async def test_missed_call_is_acked(connect, device):
    phone = await connect(device)
    await phone.confirm("call.missed", **{"from": "+6581230000"})


@pytest.fixture
def message_in_other_hands(device):
    """An accepted message of `device` that another transaction does not let go."""
    message = MessageFactory(device=device, tenant=device.tenant, accepted=True)
    other = connection.copy()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT 1 FROM messaging_message WHERE id = %s FOR UPDATE", [message.pk])
    yield message, other.connection.rollback
    other.close()


async def test_report_that_cannot_be_stored_is_not_acked_and_may_be_repeated(
    connect, device, message_in_other_hands
):
    message, let_go = message_in_other_hands
    phone = await connect(device)
    await phone.say("message.sent", attempt_id=message.attempt_id)
    assert await phone.refused() == "internal_error"  # after lock_timeout, two seconds
    let_go()
    again = await connect(device)
    await again.report("sent", message)
    assert await _state(message) == "sent"


async def test_report_that_a_listener_breaks_on_is_not_acked_and_may_be_repeated(
    connect, device, settings
):
    message = await queue_for(device)
    phone = await connect(device)
    await phone.hear()
    settings.MESSAGE_EVENT_HANDLERS = ["messaging.tests.listening.refuse"]
    await phone.say("message.sent", attempt_id=message.attempt_id)
    assert await phone.refused() == "internal_error"
    settings.MESSAGE_EVENT_HANDLERS = []
    again = await connect(device)
    await again.hear()
    await again.report("sent", message)
    assert await _state(message) == "sent"
