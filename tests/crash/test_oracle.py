"""The oracle must see what the crash tests look for."""

import pytest

from agent.radios.sent_log import SentLine
from tests.crash.oracle import Evidence, Row, differences


def line(attempt_id: str, text: str = "keyed 1") -> SentLine:
    return SentLine("2026-01-31T12:00:00.000Z", attempt_id, "+6581230000", text, 1, 1)


def row(status: str, error_code: str | None = None, text: str = "keyed 1") -> Row:
    return Row("+6581230000", text, status, error_code)


def test_differences_of_delivered_and_unknown_messages_are_none():
    evidence = Evidence(
        accepted={"m1": "keyed 1", "m2": "plain"},
        rows={"m1": row("delivered"), "m2": row("failed", "unknown", "plain")},
        lines=[line("m1.1")],
    )
    assert differences(evidence) == []
    assert evidence.unknown == 1


@pytest.mark.parametrize(
    ("evidence", "sentence"),
    [
        (
            Evidence({"m1": "keyed 1"}, {}, []),
            "m1 was answered with 202, but the API does not know it.",
        ),
        (
            Evidence({"m1": "x"}, {"m1": row("delivered")}, [line("m1.1")]),
            "m1 was accepted as 'x', but the API shows 'keyed 1'.",
        ),
        (
            Evidence(
                {},
                {"m1": row("delivered"), "m2": row("delivered")},
                [line("m1.1"), line("m2.1")],
            ),
            "The Idempotency-Key of 'keyed 1' made 2 messages.",
        ),
        (
            Evidence({}, {"m1": row("delivered")}, [line("m1.1"), line("m1.1")]),
            "m1 left the phone 2 times, as m1.1, m1.1.",
        ),
        (
            Evidence({}, {"m1": row("delivered")}, [line("m1.1"), line("m1.2")]),
            "m1 left the phone 2 times, as m1.1, m1.2.",
        ),
        (
            Evidence({}, {}, [line("m1.1")]),
            "m1.1 left the phone, but the API does not know it.",
        ),
        (
            Evidence({}, {"m1": row("delivered")}, [line("m1.1", "other")]),
            "m1.1 left as 'other' to +6581230000, but the API shows 'keyed 1' to +6581230000.",
        ),
        (Evidence({}, {"m1": row("queued")}, []), "m1 is still queued."),
        (
            Evidence({}, {"m1": row("delivered")}, []),
            "m1 is delivered, but never left the phone.",
        ),
        (
            Evidence({}, {"m1": row("failed", "unknown")}, [line("m1.1")]),
            "m1 left the phone, but is failed (unknown).",
        ),
        (
            Evidence({}, {"m1": row("failed", "no_service")}, []),
            "m1 is failed (no_service), and nothing should fail here.",
        ),
    ],
)
def test_difference_is_told_in_words(evidence: Evidence, sentence: str):
    assert differences(evidence) == [sentence]
