"""The pages about phones."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry, Membership
from accounts.tests.factories import MembershipFactory
from devices.models import Device, DeviceAlert, Heartbeat, PairingCode, Sim
from devices.pages.cards import Card, SimUse, cards_of
from devices.pages.charts import battery_line, signal_line
from devices.queries import Vital, devices_for, vitals_of_day
from devices.services.alerts import end_alerts, raise_alerts
from devices.services.pairing import PhoneDescription, pair_device
from devices.tests.factories import DeviceFactory, SimFactory
from messaging.tests.factories import MessageFactory

pytestmark = pytest.mark.django_db

Role = Membership.Role
Kind = DeviceAlert.Kind


@pytest.fixture
def device():
    return DeviceFactory(name="Front desk", model="Pixel 7")


@pytest.fixture
def log_in(client, device):
    """A function that logs a member of the device's tenant in, with a role."""

    def as_member(role=Role.ADMIN):
        user = MembershipFactory(tenant=device.tenant, role=role).user
        client.force_login(user)
        return user

    return as_member


def page(device, verb=""):
    return f"/devices/{device.external_id}{verb}"


def cards(tenant) -> list[Card]:
    return cards_of(list(devices_for(tenant, with_revoked=True)))


def test_phones_are_ordered_default_online_name(device):
    silent = timezone.now() - timedelta(hours=1)
    tenant = device.tenant
    DeviceFactory(tenant=tenant, name="Usual", is_default=True, last_seen_at=silent)
    DeviceFactory(tenant=tenant, name="Away", last_seen_at=silent)
    DeviceFactory(tenant=tenant, name="back office")
    DeviceFactory(tenant=tenant, name="Ended", status=Device.Status.REVOKED)
    assert [card.device.name for card in cards(tenant)] == [
        *("Usual", "back office", "Front desk", "Away", "Ended")
    ]


@pytest.mark.parametrize(
    ("decided", "silent_seconds", "state"),
    [
        ("active", 0, "online"),
        ("active", 1000, "offline"),
        ("active", None, "waiting"),
        ("paused", 0, "paused"),
        ("revoked", 0, "revoked"),
    ],
)
def test_state_is_what_people_decided_or_whether_the_phone_is_there(
    device, decided, silent_seconds, state
):
    device.status, device.last_seen_at = decided, None
    if silent_seconds is not None:
        device.last_seen_at = timezone.now() - timedelta(seconds=silent_seconds)
    device.save()
    assert [card.state for card in cards(device.tenant)] == [state]


def test_budget_is_what_was_handed_to_a_limited_sim_in_24_hours(device):
    sim = device.sims.get()
    sim.segments_per_day = 3
    sim.save()
    unlimited = SimFactory(device=device, slot=2)
    MessageFactory(device=device, leased=True, segments=3)
    MessageFactory(device=device, leased=True, sim=unlimited)
    MessageFactory(device=device, leased=True, leased_at=timezone.now() - timedelta(hours=25))
    MessageFactory(device=device, leased=True, status="queued")  # the offer came back
    ((first, second),) = [card.sims for card in cards(device.tenant)]
    assert (first.used_of_day, first.is_spent) == (3, True)
    assert (second.used_of_day, second.is_spent) == (None, False)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, "No limits"),
        ({"segments_per_minute": 30, "segments_per_day": 0}, "At most 30 a minute, 0 a day"),
        ({"min_gap_ms": 500}, "No limits; pause of 500 ms between texts"),
        ({"jitter_ms": 250}, "No limits; pause of 0 to 250 ms between texts"),
        (
            {"quiet_from": time(0), "quiet_until": time(7, 30)},
            "No limits; quiet from 00:00 to 07:30",
        ),
    ],
)
def test_limits_are_told_in_words(limits, words):
    assert SimUse(Sim(**limits), None).limits_in_words == words


@pytest.mark.parametrize("path", ["/devices", "/devices/cards"])
def test_list_takes_as_many_queries_for_one_phone_as_for_thirty(client, log_in, device, path):
    log_in()
    device.sims.update(segments_per_day=5)
    client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as one:
        client.get(path)
    for phone in DeviceFactory.create_batch(29, tenant=device.tenant):
        phone.sims.update(segments_per_day=5)
    with CaptureQueriesContext(connection) as thirty:
        answer = client.get(path)
    assert (len(thirty), len(answer.context["cards"])) == (len(one), 30)


def test_card_and_page_tell_what_is_wrong_in_words(client, log_in, device):
    log_in(Role.VIEWER)
    raise_alerts(kind=Kind.BATTERY_LOW, details={device.pk: "Its battery is at 9 %."})
    for path in ("/devices", page(device), page(device, "/facts")):
        html = client.get(path).content.decode()
        assert html.count("Its battery is at 9 %.") == 1
    assert html.count("runs out of battery") == 1


def test_page_has_the_last_ten_alerts_that_are_over(client, log_in, device):
    log_in(Role.VIEWER)
    for number in range(11):
        raise_alerts(kind=Kind.OFFLINE, details={device.pk: f"Number {number}."})
        end_alerts(device_ids=[device.pk])
    past = client.get(page(device)).context["past"]
    assert [shown.alert.detail for shown in past] == [f"Number {n}." for n in range(10, 0, -1)]


def test_sim_that_is_held_back_says_until_when(client, log_in, device):
    log_in(Role.VIEWER)
    until = timezone.now() + timedelta(minutes=8)
    device.sims.update(limit_hits=3, next_send_at=until)
    assert client.get(page(device)).content.decode().count("Held back until") == 1
    device.sims.update(limit_hits=2)  # an ordinary pause between texts
    assert client.get(page(device)).content.decode().count("Held back until") == 0


def test_revoked_phones_are_shown_when_asked_for(client, log_in, device):
    log_in()
    gone = DeviceFactory(tenant=device.tenant, status=Device.Status.REVOKED)
    shown = [
        [card.device for card in client.get(path).context["cards"]]
        for path in ("/devices", "/devices?revoked=1")
    ]
    assert shown == [[device], [device, gone]]


def test_without_phones_there_is_one_thing_to_do(client, log_in, device):
    log_in()
    device.delete()
    assert client.get("/devices").content.count(b"Pair your first phone") == 1


@pytest.mark.parametrize(("role", "buttons"), [(Role.OPERATOR, 0), (Role.ADMIN, 1)])
def test_only_admins_are_offered_to_pair_and_manage(client, log_in, device, role, buttons):
    log_in(role)
    assert client.get("/devices").content.count(b'id="pair-dialog"') == buttons
    assert client.get(page(device)).content.count(b'id="revoke-dialog"') == buttons
    assert client.get(page(device)).content.count(b"Save limits") == buttons


CHANGES = {
    "/rename": {"name": "Back office"},
    "/default": {},
    "/pause": {},
    "/resume": {},
    "/sims/1": {"sim1-min_gap_ms": 5, "sim1-jitter_ms": 0},
    "/revoke": {"typed": "Front desk"},
}


@pytest.mark.parametrize("verb", CHANGES)
def test_only_admins_may_change_a_phone(client, log_in, device, verb):
    log_in(Role.OPERATOR)
    assert client.post(page(device, verb), CHANGES[verb]).status_code == 403
    assert client.post("/devices/pair").status_code == 403
    log_in(Role.ADMIN)
    assert client.post(page(device, verb), CHANGES[verb]).status_code == 302


@pytest.mark.parametrize("verb", CHANGES)
def test_a_phone_is_not_changed_by_looking(client, log_in, device, verb):
    log_in()
    assert client.get(page(device, verb)).status_code == 405


@pytest.mark.parametrize("verb", ["", "/facts", *CHANGES])
def test_another_tenants_phone_does_not_exist(client, log_in, verb):
    log_in()
    foreign = DeviceFactory(name="Front desk")
    call = client.post if verb in CHANGES else client.get
    assert call(page(foreign, verb), CHANGES.get(verb)).status_code == 404


def test_changes_are_made_and_the_person_is_in_the_audit_log(client, log_in, device):
    user = log_in()
    for verb in ("/rename", "/default", "/pause"):
        client.post(page(device, verb), CHANGES[verb])
    device.refresh_from_db()
    assert (device.name, device.is_default, device.status) == ("Back office", True, "paused")
    noted = AuditEntry.objects.filter(target=device.external_id, actor=user)
    assert sorted(noted.values_list("action", flat=True)) == [
        "device.made_default",
        "device.paused",
        "device.renamed",
    ]


def test_empty_name_is_marked_at_its_field(client, log_in, device):
    log_in()
    answer = client.post(page(device, "/rename"), {"name": " "})
    assert (answer.status_code, list(answer.context["name_form"].errors)) == (422, ["name"])


LIMITS = {
    "sim1-segments_per_minute": "30",
    "sim1-segments_per_hour": "",
    "sim1-segments_per_day": "200",
    "sim1-min_gap_ms": "500",
    "sim1-jitter_ms": "250",
    "sim1-quiet_from": "22:00",
    "sim1-quiet_until": "07:30",
}


def test_limits_are_saved(client, log_in, device):
    log_in()
    client.post(page(device, "/sims/1"), LIMITS)
    sim = device.sims.get()
    assert (sim.segments_per_minute, sim.segments_per_hour, sim.segments_per_day) == (30, None, 200)
    assert (sim.min_gap_ms, sim.jitter_ms) == (500, 250)
    assert (sim.quiet_from, sim.quiet_until) == (time(22), time(7, 30))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"sim1-quiet_until": ""}, "quiet_until"),
        ({"sim1-quiet_from": ""}, "quiet_from"),
        ({"sim1-quiet_from": "25:00"}, "quiet_from"),
        ({"sim1-segments_per_day": "-1"}, "segments_per_day"),
        ({"sim1-segments_per_minute": "many"}, "segments_per_minute"),
        ({"sim1-min_gap_ms": "3600001"}, "min_gap_ms"),
        ({"sim1-jitter_ms": ""}, "jitter_ms"),
    ],
)
def test_wrong_limit_is_marked_and_what_was_typed_stays(client, log_in, device, changed, field):
    log_in()
    answer = client.post(page(device, "/sims/1"), LIMITS | changed)
    ((_, form),) = answer.context["limits"]
    assert (answer.status_code, list(form.errors)) == (422, [field])
    assert form.data.dict() == LIMITS | changed
    assert device.sims.get().segments_per_day is None


def test_limits_of_a_sim_that_the_phone_lacks_do_not_exist(client, log_in, device):
    log_in()
    assert client.post(page(device, "/sims/2"), LIMITS).status_code == 404


def test_phone_is_revoked_when_its_name_was_typed(client, log_in, device):
    log_in()
    answer = client.post(page(device, "/revoke"), {"typed": "front"})
    assert (answer.status_code, list(answer.context["revoke_form"].errors)) == (422, ["typed"])
    client.post(page(device, "/revoke"), {"typed": "Front desk"})
    device.refresh_from_db()
    assert device.status == Device.Status.REVOKED
    assert client.get(page(device)).content.count(b'id="revoke-dialog"') == 0


def pair_by(answer) -> Device:
    phone = PhoneDescription(name="New phone")
    return pair_device(digits=answer.context["digits"], phone=phone, address="127.0.0.1").device


def test_pairing_shows_a_code_that_pairs(client, log_in, device, settings):
    settings.PUBLIC_URL = "https://gateway.example.org"
    user = log_in()
    answer = client.post("/devices/pair")
    assert answer.content.count(b"<svg") == 1
    assert answer.content.count(b"style=") == 0
    assert AuditEntry.objects.get(action="pairing_code.created").actor == user
    state = f"/devices/pair/{PairingCode.objects.get().pk}"
    assert client.get(state).status_code == 204
    paired = pair_by(answer)
    shown = client.get(state)
    assert (shown.context["device"], shown.context["is_first"]) == (paired, False)


def test_first_phone_is_told_where_its_secrets_went(client, log_in, device):
    log_in()
    device.delete()
    answer = client.post("/devices/pair")
    pair_by(answer)
    shown = client.get(f"/devices/pair/{PairingCode.objects.get().pk}")
    assert shown.context["is_first"] is True


def test_another_tenants_pairing_does_not_exist(client, log_in, device):
    log_in()
    client.post("/devices/pair")
    client.force_login(MembershipFactory().user)
    assert client.get(f"/devices/pair/{PairingCode.objects.get().pk}").status_code == 404


def test_too_many_codes_are_refused_with_the_time_to_wait(client, log_in):
    log_in()
    for _ in range(30):
        assert client.post("/devices/pair").status_code == 200
    answer = client.post("/devices/pair")
    assert (answer.status_code, answer.context["minutes"]) == (422, 10)


def heartbeat(device, at, battery, signal=None):
    Heartbeat.objects.create(
        tenant=device.tenant, device=device, received_at=at, battery=battery, signal=signal
    )


def test_vitals_are_means_of_ten_minutes_of_the_last_day(device, time_machine):
    now = datetime(2026, 6, 12, 12, 0, tzinfo=UTC)
    time_machine.move_to(now, tick=False)
    heartbeat(device, now - timedelta(hours=25), 1)
    heartbeat(device, now - timedelta(hours=24), 90, 4)
    heartbeat(device, now - timedelta(hours=24) + timedelta(minutes=9), 80, 3)
    heartbeat(device, now - timedelta(minutes=1), 50)
    heartbeat(DeviceFactory(), now - timedelta(minutes=1), 5)
    assert vitals_of_day(device) == [Vital(0, 85, 3.5), Vital(143, 50, None)]


def test_sparkline_breaks_where_the_phone_was_silent():
    vitals = [Vital(0, 100, None), Vital(1, 50, None), Vital(5, 0, None)]
    line = battery_line(vitals)
    assert line is not None
    assert line.path == "M0 0.0h0L1 20.0M5 40.0h0"
    assert (line.lowest, line.highest, line.last) == (0, 100, 0)
    assert signal_line(vitals) is None


@pytest.mark.parametrize(
    ("columns", "reach", "words"),
    [
        ({}, "live", b"Live"),
        ({"contact_seconds": 900}, "polling", b"every 15 minutes"),
        ({"contact_seconds": 25}, "polling", b"every 25 seconds"),
        ({"last_seen_at": datetime(2026, 1, 1, tzinfo=UTC)}, "silent", b"Silent"),
        ({"status": "paused"}, "", b"Paused"),
        ({"last_seen_at": None}, "", b"not connected yet"),
    ],
)
def test_page_says_how_texts_reach_the_phone(client, log_in, device, columns, reach, words):
    log_in()
    Device.objects.filter(pk=device.pk).update(**columns)
    answer = client.get(page(device))
    assert answer.context["card"].reach == reach
    assert words in answer.content


def test_pairing_tells_what_to_type_into_the_app(client, log_in, device, settings):
    log_in()
    settings.PUBLIC_URL = "https://gateway.example.org"
    answer = client.post("/devices/pair")
    assert answer.content.count(b"https://gateway.example.org/api/mobile/v1") == 1
    assert answer.content.count(b"app-insecure.apk") == 0
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    assert client.post("/devices/pair").content.count(b"app-insecure.apk") == 1


def test_phone_with_the_app_is_not_asked_to_run_the_agent(client, log_in, device):
    log_in()
    answer = client.post("/devices/pair")
    phone = PhoneDescription(name="New phone", app="SMSGate 1.68.0")
    pair_device(digits=answer.context["digits"], phone=phone, address="127.0.0.1")
    shown = client.get(f"/devices/pair/{PairingCode.objects.get().pk}")
    assert shown.context["is_smsgate"] is True
    assert shown.content.count(b"agent run") == 0
