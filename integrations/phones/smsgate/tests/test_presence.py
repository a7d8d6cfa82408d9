"""Whether a phone is live, polls only, or is silent."""

from datetime import timedelta

import pytest
from django.utils import timezone

from devices.models import Device, Heartbeat
from devices.services.devices import SimLimits, limit_sim
from integrations.phones.smsgate.inputs import CheckIn, HealthIn, PingIn
from integrations.phones.smsgate.models import PairedApp
from integrations.phones.smsgate.services.presence import (
    News,
    note_clock,
    note_contact,
    note_ping,
    renew_streams,
    vitals_of,
)
from integrations.phones.smsgate.services.registration import tell_settings, tell_webhooks
from integrations.phones.smsgate.tests.factories import PairedAppFactory
from messaging.models import Message
from messaging.tests.factories import MessageFactory

pytestmark = pytest.mark.django_db


def ago(seconds: float):
    return timezone.now() - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("stream", "ping", "contact_seconds"),
    [(None, None, 900), (10, None, None), (10, 10, None), (80, 10, 25), (80, 80, 900)],
)
def test_contact_is_as_often_as_the_phone_shows(stream, ping, contact_seconds):
    app = PairedAppFactory(
        stream_seen_at=stream and ago(stream),
        ping_seen_at=ping and ago(ping),
        device__last_seen_at=ago(70),
    )
    note_contact(app)
    device = Device.objects.get()
    assert (device.contact_seconds, device.is_heard) == (contact_seconds, True)


def test_contact_that_tells_nothing_new_is_not_written(django_assert_num_queries):
    app = PairedAppFactory(stream_seen_at=ago(10), device__last_seen_at=ago(10))
    with django_assert_num_queries(0):
        note_contact(app)


def test_phone_that_is_back_gets_what_waits_for_one():
    app = PairedAppFactory(device__is_online=False, device__last_seen_at=None)
    waiting = MessageFactory(device=None, tenant=app.device.tenant)
    note_contact(app)
    assert Message.objects.get(pk=waiting.pk).device == app.device


def test_ping_is_a_heartbeat():
    app = PairedAppFactory()
    note_ping(app, PingIn(HealthIn({"battery:level": CheckIn(94), "odd": CheckIn("x")})))
    device = Device.objects.get()
    assert (device.battery, device.contact_seconds) == (94, 25)
    assert list(Heartbeat.objects.values_list("battery")) == [(94,)]
    assert PairedApp.objects.get().ping_seen_at is not None


@pytest.mark.parametrize(
    ("status", "transport", "network"),
    [(1, 4, "wifi"), (1, 2, "cellular"), (1, 8, "ethernet"), (1, 6, "wifi"), (0, 4, "none")]
    + [(None, None, ""), (1, 0, ""), (1, "x", "")],
)
def test_network_is_read_from_its_flags(status, transport, network):
    checks = {"connection:status": CheckIn(status), "connection:transport": CheckIn(transport)}
    assert vitals_of(PingIn(HealthIn(checks))).network == network


@pytest.mark.parametrize(
    ("level", "charging", "vitals"),
    [(94, 3, (94, True)), (0, 0, (0, False)), (101, None, (None, None)), (50.7, 4, (50, True))],
)
def test_battery_is_read_from_its_checks(level, charging, vitals):
    checks = {"battery:level": CheckIn(level), "battery:charging": CheckIn(charging)}
    said = vitals_of(PingIn(HealthIn(checks)))
    assert (said.battery, said.is_charging) == vitals


def test_open_stream_is_life_only_for_a_phone_that_never_pinged():
    silent = PairedAppFactory(device__last_seen_at=ago(80))
    pinging = PairedAppFactory(device__last_seen_at=ago(80), ping_seen_at=ago(80))
    renew_streams(device_ids=[silent.device_id, pinging.device_id])
    phones = Device.objects.order_by("pk")
    assert [phone.is_heard for phone in phones] == [True, False]
    assert [app.stream_seen_at is not None for app in PairedApp.objects.all()] == [True, True]


def test_streams_are_renewed_in_as_many_queries_for_one_as_for_thirty(django_assert_num_queries):
    device_ids = [PairedAppFactory().device_id for _ in range(30)]
    with django_assert_num_queries(9):
        renew_streams(device_ids=device_ids[:1])
    with django_assert_num_queries(9):
        renew_streams(device_ids=device_ids)


def test_stream_tells_what_has_to_be_fetched_anew(settings):
    app = PairedAppFactory()
    news = lambda: renew_streams(device_ids=[app.device_id])[app.device_id]  # noqa: E731
    assert news() == News(settings=False, webhooks=False)  # it fetches them when it starts
    tell_settings(app)
    tell_webhooks(app, "1.68.0")
    assert news() == News(settings=False, webhooks=False)
    limit_sim(sim=app.device.sims.get(), limits=SimLimits(segments_per_day=5), actor=None)
    assert news() == News(settings=True, webhooks=False)
    tell_settings(app)
    settings.PUBLIC_URL = "https://moved.example.org"
    assert news() == News(settings=False, webhooks=True)


def test_clock_is_noted_when_it_is_another_one(django_assert_num_queries):
    app = PairedAppFactory()
    note_clock(app, 3600)
    with django_assert_num_queries(0):
        note_clock(app, 3604)
    assert PairedApp.objects.get().clock_skew_seconds == 3600
