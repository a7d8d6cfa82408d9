"""What the app is told to be like."""

import pytest

from devices.models import Sim
from integrations.phones.smsgate.settings_document import settings_document, settings_hash


def pace(*sims: Sim) -> tuple[int | None, int | None, str, int | None]:
    told = settings_document(sims, signing_key="k")["messages"]
    names = ("send_interval_min", "send_interval_max", "limit_period", "limit_value")
    return tuple(told[name] for name in names)


@pytest.mark.parametrize(
    ("sims", "paced"),
    [
        ([], (None, None, "Disabled", None)),
        ([Sim()], (None, None, "Disabled", None)),
        ([Sim(min_gap_ms=900)], (None, None, "Disabled", None)),
        ([Sim(min_gap_ms=900, jitter_ms=700)], (0, 1, "Disabled", None)),
        ([Sim(min_gap_ms=2500, jitter_ms=2500)], (2, 5, "Disabled", None)),
        ([Sim(min_gap_ms=5000), Sim(min_gap_ms=2000)], (1, 1, "Disabled", None)),
        ([Sim(min_gap_ms=60_000), Sim(min_gap_ms=60_000)], (30, 30, "Disabled", None)),
        ([Sim(jitter_ms=20_000), Sim(min_gap_ms=1000)], (None, None, "Disabled", None)),
        ([Sim(jitter_ms=20_000), Sim(min_gap_ms=4000)], (0, 2, "Disabled", None)),
        ([Sim(segments_per_minute=30)], (None, None, "PerMinute", 30)),
        ([Sim(segments_per_minute=30, segments_per_day=100)], (None, None, "PerDay", 100)),
        ([Sim(segments_per_hour=0)], (None, None, "PerHour", 1)),
        ([Sim(segments_per_hour=9), Sim(segments_per_hour=3)], (None, None, "PerHour", 12)),
        ([Sim(segments_per_hour=9), Sim()], (None, None, "Disabled", None)),
    ],
)
def test_pace_never_holds_back_what_was_handed_over(sims, paced):
    assert pace(*sims) == paced


def test_document_has_all_that_the_app_needs_and_no_section_is_null(settings):
    settings.DEVICE_HEARTBEAT_SECONDS = 25
    document = settings_document([], signing_key="secret")
    assert None not in document.values()
    assert document["gateway"] == {"notification_channel": "SSE_ONLY"}
    assert document["ping"] == {"interval_seconds": 25}
    assert document["webhooks"] == {
        "signing_key": "secret",
        "retry_count": 16,
        "internet_required": True,
    }
    assert document["messages"]["processing_order"] == "FIFO"
    assert document["messages"]["log_lifetime_days"] == 30


def test_hash_changes_with_the_pace_alone():
    slow = settings_hash([Sim(min_gap_ms=5000)])
    assert slow == settings_hash([Sim(min_gap_ms=5000)])
    assert slow != settings_hash([Sim()])
