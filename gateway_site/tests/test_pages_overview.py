"""The overview."""

import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Membership
from accounts.tests.factories import MembershipFactory
from devices.models import DeviceAlert
from devices.services.alerts import raise_alerts
from devices.tests.factories import DeviceFactory
from gateway_site.home import duration, percent
from messaging.tests.factories import MessageFactory, in_bulk
from webhooks.tests.factories import EndpointFactory

pytestmark = pytest.mark.django_db

Role = Membership.Role
Kind = DeviceAlert.Kind
FRAGMENTS = ["alerts", "stats", "chart", "numbers", "failures", "phones", "endpoints"]


@pytest.fixture
def device():
    return DeviceFactory(name="Front desk")


@pytest.fixture
def log_in(client, device):
    """A function that logs a member of the device's tenant in, with a role."""

    def as_member(role=Role.VIEWER):
        client.force_login(MembershipFactory(tenant=device.tenant, role=role).user)

    return as_member


def tiles(answer) -> dict[str, str]:
    """What a tile tells -> its number."""
    return {name: value for value, name, _ in answer.context["stats"]}


def test_tiles_tell_how_messages_fare(client, log_in, device):
    log_in()
    MessageFactory.create_batch(3, device=device, status="delivered", sent_at=timezone.now())
    for status in ("failed", "queued", "received"):
        MessageFactory(device=device, status=status)
    MessageFactory(status="delivered")  # of another tenant
    assert tiles(client.get("/")) == {
        "sent today": "3",
        "delivered": "75 %",
        "median time to send": "0.0 s",
        "waiting": "1",
    }


def test_new_account_has_no_numbers_to_tell(client, log_in, device):
    log_in()
    assert tiles(client.get("/")) == {
        "sent today": "0",
        "delivered": "–",
        "median time to send": "–",
        "waiting": "0",
    }


@pytest.mark.parametrize(
    ("asked", "shown", "bars"),
    [
        ("", "1", 24),
        ("1", "1", 24),
        ("7", "7", 7),
        ("30", "30", 30),
        ("31", "1", 24),
        ("x", "1", 24),
    ],
)
def test_table_has_the_numbers_of_the_bars(client, log_in, device, asked, shown, bars):
    log_in()
    MessageFactory(device=device, status="delivered")
    context = client.get("/", {"days": asked}).context
    assert (context["days"], len(context["chart"].bars), len(context["rows"])) == (
        shown,
        bars,
        bars,
    )
    assert context["rows"][-1][1] == ["1", "0", "0", "0", "0", "0"]
    assert [piece.kind for piece in context["chart"].bars[-1].pieces] == ["delivered"]


def test_failures_are_shown_with_their_reason(client, log_in, device):
    log_in()
    MessageFactory(device=device, status="failed", error="No credit on the SIM.")
    MessageFactory(device=device, status="expired", error_code="expired")
    context = client.get("/").context
    assert [message.error or message.error_code for message in context["failures"]] == [
        "expired",
        "No credit on the SIM.",
    ]
    assert client.get("/").content.count(b"No credit on the SIM.") == 1


def test_phones_and_webhooks_have_their_state(client, log_in, device):
    log_in()
    DeviceFactory(tenant=device.tenant, name="Away", last_seen_at=None)
    EndpointFactory(tenant=device.tenant, name="Shop", failing_since=timezone.now())
    EndpointFactory(name="Stranger")
    answer = client.get("/")
    assert [(card.device.name, card.state) for card in answer.context["phones"]] == [
        ("Front desk", "online"),
        ("Away", "waiting"),
    ]
    assert [endpoint.name for endpoint in answer.context["endpoints"]] == ["Shop"]
    assert answer.content.count(b"Failing since") == 1


def test_alerts_of_phones_are_told_on_top_grave_ones_first(client, log_in, device):
    log_in()
    stranger = DeviceFactory()
    for kind in (Kind.BATTERY_LOW, Kind.CANNOT_SEND):
        raise_alerts(kind=kind, details={device.pk: "So it is.", stranger.pk: "So it is."})
    answer = client.get("/")
    told = [(phone, shown.alert.kind) for phone, shown in answer.context["alerts"]]
    assert told == [(device, "cannot_send"), (device, "battery_low")]
    assert answer.content.decode().count("2 alerts about your phones") == 1


def test_update_is_the_fragments_of_the_page(client, log_in, device):
    """Each takes the place of the one with its id, so both have to have the same ids."""
    log_in()
    found = {}
    for path in ("/", "/overview/now"):
        html = client.get(path).content.decode()
        found[path] = [name for name in FRAGMENTS if html.count(f'id="{name}"') == 1]
    assert found == {"/": FRAGMENTS, "/overview/now": FRAGMENTS}
    assert len(re.findall('hx-swap-oob="true"', html)) == len(FRAGMENTS)


def test_overview_takes_as_many_queries_for_one_as_for_thirty(client, log_in, device):
    log_in()
    MessageFactory(device=device, status="failed")
    EndpointFactory(tenant=device.tenant)
    client.get("/")
    numbers = []
    for count in (0, 29):
        in_bulk(count, device=device, status="failed")
        DeviceFactory.create_batch(count, tenant=device.tenant)
        EndpointFactory.create_batch(count, tenant=device.tenant)
        cache.clear()
        with CaptureQueriesContext(connection) as queries:
            context = client.get("/", {"days": 30}).context
        numbers.append(len(queries))
    assert (numbers[0], context["phone_count"]) == (numbers[1], 30)
    assert (len(context["phones"]), len(context["failures"]), len(context["endpoints"])) == (
        6,
        6,
        6,
    )


@pytest.mark.parametrize(("role", "offers"), [(Role.OPERATOR, 0), (Role.ADMIN, 1)])
def test_only_admins_are_offered_the_first_steps_and_pairing(client, log_in, device, role, offers):
    device.delete()
    log_in(role)
    page = client.get("/").content
    assert page.count(b"Finish setting up") == offers
    assert page.count(b"/devices?pair=1") == offers


def test_nobody_sees_it_without_a_login(client):
    assert client.get("/").status_code == 302
    assert client.get("/overview/now").status_code == 302
    assert client.post("/").status_code == 405


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (2.46, "2.5 s"), (42, "42 s"), (150, "2.5 min"), (7200, "2.0 h")]
    + [(259_200, "3 days")],
)
def test_durations_are_in_the_unit_people_would_use(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("share", "words"), [(0, "0 %"), (0.5, "50 %"), (0.9999, "99.9 %"), (1, "100 %")]
)
def test_what_is_not_all_is_not_a_hundred_percent(share, words):
    assert percent(share) == words
