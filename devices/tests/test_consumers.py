"""The gateway's end of a phone's connection: who may come in, and what it answers.

What has `phones` holds over HTTP too; what has `sockets` is about the socket alone.
"""

import json

import pytest
from channels.db import database_sync_to_async

from accounts.services.tenants import suspend_tenant
from devices.models import Device, DeviceToken
from devices.services.devices import SimLimits, limit_sim, revoke_device
from devices.tests.factories import DeviceFactory, token_of
from devices.tests.sockets import HELLO

HEARTBEAT = {"type": "heartbeat", "id": "beat-1"}


@pytest.fixture
def device(transactional_db):
    return DeviceFactory(is_online=False, last_seen_at=None, name="Front desk")


@pytest.fixture
def token(device):
    return token_of(device)


@pytest.fixture
def quick(settings):
    """Phones that must not stay are looked for all the time."""
    settings.DEVICE_POLL_SECONDS = 0.05


async def in_database(work):
    """What `work` returns, on a thread with a connection of its own."""
    return await database_sync_to_async(work, thread_sensitive=False)()


async def test_unknown_token_is_told_and_closed(sockets, token):
    given = [("", "Bearer"), ("dt_x", "Bearer"), ("é", "Bearer"), (token, "Basic"), (token, "")]
    for secret, scheme in given:
        socket = await sockets(secret, scheme=scheme).open()
        assert await socket.closed() == (4401, "invalid_token")


async def test_token_in_the_query_is_refused(sockets, token):
    socket = await sockets(path=f"/ws/device?token={token}&authorization=Bearer%20{token}").open()
    assert await socket.closed() == (4401, "invalid_token")


async def test_revoked_token_is_refused(phones, device, token):
    await in_database(lambda: revoke_device(device=device, actor=None))
    assert await (await phones(token).open()).refused() == "invalid_token"


async def test_phone_of_a_suspended_tenant_is_told_apart(phones, device, token):
    await in_database(lambda: suspend_tenant(tenant=device.tenant, actor=None, reason="unpaid"))
    assert await (await phones(token).open()).refused() == "tenant_inactive"


async def test_hello_is_answered_with_welcome_and_the_settings(phones, device, token, settings):
    settings.DEVICE_HEARTBEAT_SECONDS = 20
    hello = HELLO | {
        "app": {"name": "agent", "version": "1.0"},
        "model": "Pixel 7",
        "sims": [{"slot": 2, "number": "+6581230000", "carrier": "Example"}],
        "capabilities": ["anything"],
        "holding": [],
    }
    assert await (await phones(token).open()).ask(hello) == {
        "type": "welcome",
        "reply_to": "hello-1",
        "protocol": 1,
        "device_id": device.external_id,
        "name": "Front desk",
        "settings": {
            "heartbeat_seconds": 20,
            "window_per_sim": 20,
            "sims": [{"slot": 2, "min_gap_ms": 0, "jitter_ms": 0}],
        },
    }
    device = await in_database(Device.objects.get)
    assert (device.is_heard, device.app, device.model) == (True, "agent 1.0", "Pixel 7")


async def test_first_frame_must_be_a_hello(sockets, token):
    socket = await sockets(token).open()
    answer = await socket.ask(HEARTBEAT)
    # Without the id, or it would be final and a fact be lost.
    assert (answer["type"], answer["id"], answer["code"]) == ("error", None, "hello_first")
    assert (await socket.ask(HELLO))["type"] == "welcome"


async def test_hello_may_be_repeated(phones, token):
    phone = await phones(token).ready()
    assert (await phone.ask(HELLO | {"id": "hello-2"}))["reply_to"] == "hello-2"


async def test_heartbeat_is_stored_and_acked(phones, token):
    phone = await phones(token).ready()
    beat = HEARTBEAT | {"battery": 80, "charging": True, "network": "wifi", "signal": 3, "queue": 2}
    assert await phone.ask(beat) == {"type": "ack", "id": "beat-1"}
    device = await in_database(Device.objects.get)
    assert (device.battery, device.is_charging, device.network) == (80, True, "wifi")
    assert (device.signal, device.queue_on_phone) == (3, 2)


async def test_changed_pacing_is_told_with_the_next_heartbeat(phones, device, token):
    phone = await phones(token).ready()
    sim = await in_database(device.sims.get)
    await in_database(lambda: limit_sim(sim=sim, limits=SimLimits(min_gap_ms=500), actor=None))
    assert await phone.ask(HEARTBEAT) == {"type": "ack", "id": "beat-1"}
    told = await phone.hear()
    assert (told["type"], told["settings"]["sims"]) == (
        "settings",
        [{"slot": 1, "min_gap_ms": 500, "jitter_ms": 0}],
    )
    await phone.ask(HEARTBEAT)
    assert await phone.is_silent() is True


@pytest.mark.parametrize(
    ("frame", "frame_id", "code"),
    [
        ({"type": "message.teleport", "id": "x"}, "x", "unknown_type"),
        ({"type": "heartbeat", "id": "x", "battery": 101}, "x", "invalid_frame"),
        ({"type": "heartbeat", "id": 5}, None, "invalid_frame"),
        ({"type": "heartbeat", "id": ""}, "", "invalid_frame"),
        ({}, None, "unknown_type"),
    ],
)
async def test_unusable_frame_is_answered_and_the_connection_stays(
    phones, token, frame, frame_id, code
):
    phone = await phones(token).ready()
    answer = await phone.ask(frame)
    assert (answer["type"], answer["id"], answer["code"]) == ("error", frame_id, code)
    assert await phone.ask(HEARTBEAT) == {"type": "ack", "id": "beat-1"}


async def test_what_is_no_frame_is_answered_and_the_socket_stays(sockets, token):
    socket = await sockets(token).ready()
    unusable = [
        ("nonsense", None, "invalid_frame"),
        ("[" * 60_000, None, "invalid_frame"),
        (b"\x00\x01", None, "invalid_frame"),
        (json.dumps(HEARTBEAT).encode(), None, "invalid_frame"),
        (json.dumps(HEARTBEAT | {"more": "x" * 65_536}), None, "invalid_frame"),
        (
            json.dumps(HEARTBEAT | {"more": "中" * 30_000}, ensure_ascii=False),
            None,
            "invalid_frame",
        ),
    ]
    for frame, frame_id, code in unusable:
        answer = await socket.ask(frame)
        assert (answer["type"], answer["id"], answer["code"]) == ("error", frame_id, code)
        assert await socket.ask(HEARTBEAT) == {"type": "ack", "id": "beat-1"}


async def test_characters_that_cannot_be_stored_are_left_out(phones, token):
    phone = await phones(token).ready()
    hello = HELLO | {
        "model": "Pixel\x007 \ud83d",
        "app": {"name": "\x00agent", "version": "1\x00"},
        "sims": [{"slot": 1, "number": "\x00", "carrier": "Ex\x00ample"}],
    }
    assert (await phone.ask(hello))["type"] == "welcome"
    assert (await phone.ask(HEARTBEAT | {"network": "wi\x00fi"}))["type"] == "ack"
    device = await in_database(Device.objects.prefetch_related("sims").get)
    assert (device.model, device.app, device.network) == ("Pixel7 ?", "agent 1", "wifi")
    assert [sim.carrier for sim in device.sims.all()] == ["Example"]


async def test_sixth_socket_of_a_phone_is_one_too_many(sockets, token):
    five = [await sockets(token).ready() for _ in range(5)]
    sixth = await sockets(token).open()
    assert await sixth.closed() == (4409, "too_many_sockets")
    assert [(await socket.ask(HEARTBEAT))["type"] for socket in five] == ["ack"] * 5
    await five[0].leave()
    assert (await (await sockets(token).open()).ask(HELLO))["type"] == "welcome"


@pytest.mark.usefixtures("quick")
async def test_revocation_closes_the_sockets_of_that_phone_alone(sockets, device, token):
    other = await sockets(await in_database(lambda: token_of(DeviceFactory()))).ready()
    both = [await sockets(token).ready() for _ in range(2)]
    await in_database(lambda: revoke_device(device=device, actor=None))
    assert [await socket.closed() for socket in both] == [(4401, "invalid_token")] * 2
    assert (await other.ask(HEARTBEAT))["type"] == "ack"


@pytest.mark.usefixtures("quick")
async def test_suspension_ends_the_connection(phones, device, token):
    phone = await phones(token).ready()
    await in_database(lambda: suspend_tenant(tenant=device.tenant, actor=None, reason="unpaid"))
    assert await phone.refused() == "tenant_inactive"


@pytest.mark.usefixtures("quick")
async def test_a_deleted_token_ends_the_connection(phones, token):
    phone = await phones(token).ready()
    await in_database(lambda: DeviceToken.objects.all().delete())
    assert await phone.refused() == "invalid_token"


async def test_three_missed_heartbeats_close_the_socket(sockets, token, settings):
    settings.DEVICE_HEARTBEAT_SECONDS = 0.3
    socket = await sockets(token).ready()
    assert await socket.closed() == (4408, "heartbeat_missing")


async def test_any_frame_is_a_sign_of_life(sockets, token, settings):
    settings.DEVICE_HEARTBEAT_SECONDS = 0.3
    socket = await sockets(token).ready()
    for _ in range(6):  # for longer than three heartbeats
        assert (await socket.ask({"type": "nothing", "id": "x"}))["code"] == "unknown_type"
        assert await socket.is_silent() is True
    assert await socket.closed() == (4408, "heartbeat_missing")


async def test_a_phone_that_floods_is_closed_once_and_not_heard_any_more(
    sockets, token, monkeypatch
):
    monkeypatch.setattr("devices.consumers.FRAMES_PER_WINDOW", 3)
    socket = await sockets(token).ready()
    answers = [await socket.ask(HEARTBEAT) for _ in range(2)]
    assert [answer["type"] for answer in answers] == ["ack", "ack"]
    for _ in range(3):
        await socket.tell(HEARTBEAT | {"battery": 1})
    assert await socket.closed() == (4429, "too_many_frames")
    assert await socket.is_silent() is True
    assert (await in_database(Device.objects.get)).battery is None
