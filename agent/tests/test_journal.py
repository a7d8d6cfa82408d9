"""What the journal remembers, forgets, and lets expire."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from agent.errors import AgentError
from agent.frames import MAX_TEXT_CHARACTERS, MessageSend
from agent.journal import Journal
from agent.radios.base import DeliveryReport, Failed, IncomingText, OutgoingText, Sent

DAY = 86_400.0


class Clock:
    """A clock that goes when told."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def told(journal: Journal) -> list[dict[str, object]]:
    """The open facts without what differs from run to run."""
    facts = [msgspec.json.decode(fact.frame) for fact in journal.open_facts(100)]
    return [{k: v for k, v in fact.items() if k not in ("id", "occurred_at")} for fact in facts]


def test_first_offered_is_claimed_first_and_only_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    for number in (1, 2):
        assert journal.store(MessageSend(f"m{number}", "+65", "text", sim=1))
    journal.store(MessageSend("m3", "+65", "text", sim=2))
    assert journal.claim_next(1) == OutgoingText("m1", "+65", "text", 1)
    assert journal.claim_next(1) == OutgoingText("m2", "+65", "text", 1)
    assert journal.claim_next(1) is None
    assert journal.interrupted() == ["m1", "m2"]
    assert journal.holding(10) == ["m1", "m2", "m3"]
    assert journal.holding(2) == ["m1", "m2"]
    assert journal.count_holding() == 3


def test_each_part_of_a_long_text_is_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.store(MessageSend("m1", "+65", "text"))
    journal.claim_next(1)
    journal.finish("m1", Sent(parts=2))
    journal.add(DeliveryReport("m1", part=2, parts=2))
    assert told(journal) == [
        {"type": "message.accepted", "attempt_id": "m1"},
        {"type": "message.sent", "attempt_id": "m1", "part": 1, "parts": 2},
        {"type": "message.sent", "attempt_id": "m1", "part": 2, "parts": 2},
        {"type": "message.delivered", "attempt_id": "m1", "part": 2, "parts": 2},
    ]


def test_outcome_after_the_first_changes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.store(MessageSend("m1", "+65", "text"))
    journal.claim_next(1)
    journal.finish("m1", Failed("no_service", "no signal"))
    journal.finish("m1", Sent())
    assert told(journal)[1:] == [
        {
            "type": "message.failed",
            "attempt_id": "m1",
            "code": "no_service",
            "reason": "no signal",
        }
    ]


def test_event_told_again_is_one_fact(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.store(MessageSend("m1", "+65", "text"))
    moment = datetime(2026, 1, 31, 12, 0, 0, 1500, UTC)
    text = IncomingText("+66", "Hi", 1, moment, "key-1", to="+65")
    for _ in range(3):
        journal.add(DeliveryReport("m1"))
        journal.add(text)
        journal.add(DeliveryReport("m1", delivered=False))
        journal.add(DeliveryReport("of somebody else"))
    assert told(journal) == [
        {"type": "message.accepted", "attempt_id": "m1"},
        {"type": "message.delivered", "attempt_id": "m1"},
        {
            "type": "message.received",
            "from": "+66",
            "to": "+65",
            "text": "Hi",
            "sim": 1,
            "received_at": "2026-01-31T12:00:00.001Z",
            "provider_key": "key-1",
        },
        {
            "type": "message.failed",
            "attempt_id": "m1",
            "code": "undelivered",
            "reason": "negative delivery report",
        },
    ]
    for fact in journal.open_facts(10):
        journal.settle(fact.id, "acked")
    journal.add(text)
    journal.add(DeliveryReport("m1"))
    assert journal.open_facts(10) == []


def test_same_text_twice_is_two_facts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    for key in ("key-1", "key-2"):
        journal.add(IncomingText("+66", "Hi", 1, datetime.now(UTC), key))
    assert [fact["provider_key"] for fact in told(journal)] == ["key-1", "key-2"]


def test_text_that_a_database_cannot_hold_is_mended(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.add(IncomingText("+66", "a\0b\ud800c", 1, datetime.now(UTC), "key-1"))
    assert told(journal)[0]["text"] == "a\ufffdb?c"


@pytest.mark.parametrize("character", ["a", "\x01", "\uffff", "😀"])
def test_longest_text_fits_into_a_frame(tmp_path: Path, character: str) -> None:
    journal = Journal(tmp_path / "journal")
    text = character * MAX_TEXT_CHARACTERS
    journal.add(IncomingText("+66", text, 1, datetime.now(UTC), "key-1"))
    (fact,) = journal.open_facts(10)
    assert len(fact.frame.encode()) <= 65_536
    assert told(journal)[0]["text"] == text


def test_offer_again_reopens_acked_facts_but_not_refused_ones(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.store(MessageSend("m1", "+65", "text"))
    journal.claim_next(1)
    journal.finish("m1", Sent())
    accepted, sent = journal.open_facts(10)
    assert journal.settle(accepted.id, "refused")
    assert journal.settle(sent.id, "acked")
    assert not journal.settle(sent.id, "acked")
    assert journal.open_facts(10) == []
    assert not journal.store(MessageSend("m1", "+65", "text"))
    assert journal.open_facts(10) == [sent]
    assert journal.claim_next(1) is None


def test_release_is_possible_until_the_radio_is_called(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.store(MessageSend("m1", "+65", "text"))
    journal.store(MessageSend("m2", "+65", "text"))
    journal.claim_next(1)
    assert not journal.release("m1", "canceled")
    assert journal.release("m2", "canceled")
    assert not journal.release("m2", "canceled")
    assert journal.claim_next(1) is None


@pytest.mark.parametrize("wall_jump", [-10 * 365 * DAY, -DAY, 0, DAY, 10 * 365 * DAY])
def test_expiry_does_not_look_at_the_wall_clock(tmp_path: Path, wall_jump: float) -> None:
    wall, monotonic = Clock(1_800_000_000), Clock(50)
    journal = Journal(tmp_path / "journal", monotonic, wall)
    journal.store(MessageSend("m1", "+65", "text", expires_in_ms=10_000))
    wall.now += wall_jump
    monotonic.now += 9.9
    journal.expire_due()
    assert journal.count_holding() == 1
    monotonic.now += 0.2
    assert journal.claim_next(1) is None
    assert [(fact["type"], fact.get("code")) for fact in told(journal)] == [
        ("message.accepted", None),
        ("message.failed", "expired"),
    ]


@pytest.mark.parametrize(
    ("down_seconds", "life_left"),
    [(4, 6), (-DAY, 10), (11, 0)],  # the second: the wall clock was set back meanwhile
)
async def test_restart_takes_the_time_that_passed_and_never_adds_life(
    tmp_path: Path, down_seconds: float, life_left: float
) -> None:
    wall, monotonic = Clock(1_800_000_000), Clock(5000)
    journal = Journal(tmp_path / "journal", monotonic, wall)
    journal.store(MessageSend("m1", "+65", "text", expires_in_ms=10_000))
    await journal.aclose()
    wall.now += down_seconds
    monotonic.now = 3  # after a reboot
    journal = Journal(tmp_path / "journal", monotonic, wall)
    monotonic.now = 3 + life_left - 0.1
    journal.expire_due()
    assert journal.count_holding() == (1 if life_left else 0)
    monotonic.now = 3 + life_left + 0.1
    journal.expire_due()
    assert journal.count_holding() == 0


def finished(journal: Journal, attempt_id: str) -> None:
    """One text that was sent and whose facts are all acked."""
    journal.store(MessageSend(attempt_id, "+65", "text"))
    journal.claim_next(1)
    journal.finish(attempt_id, Sent())
    for fact in journal.open_facts(10):
        journal.settle(fact.id, "acked")


def test_prune_forgets_old_finished_texts_only(tmp_path: Path) -> None:
    wall = Clock(1_800_000_000)
    journal = Journal(tmp_path / "journal", wall=wall)
    finished(journal, "old")
    journal.store(MessageSend("still stored", "+65", "text"))
    wall.now += 30 * DAY
    finished(journal, "newer")
    journal.prune(keep_newest=0)
    assert not journal.store(MessageSend("old", "+65", "text"))
    for fact in journal.open_facts(10):
        journal.settle(fact.id, "acked")
    wall.now += 2 * DAY
    journal.prune(keep_newest=0)
    assert not journal.store(MessageSend("newer", "+65", "text"))
    assert not journal.store(MessageSend("still stored", "+65", "text"))
    assert journal.store(MessageSend("old", "+65", "text"))


def test_prune_keeps_the_newest_when_the_clock_jumps(tmp_path: Path) -> None:
    wall = Clock(0)  # a board without a battery wakes up in 1970
    journal = Journal(tmp_path / "journal", wall=wall)
    finished(journal, "sent")
    wall.now = 1_800_000_000
    journal.prune()
    assert not journal.store(MessageSend("sent", "+65", "text"))


async def test_steps_of_one_batch_are_undone_together(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")

    def store_and_fail() -> None:
        journal.store(MessageSend("m1", "+65", "text"))
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        await journal.write(store_and_fail)
    assert await journal.read(journal.count_holding) == 0
    assert await journal.read(journal.open_facts, 10) == []


async def test_second_agent_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    with pytest.raises(AgentError, match="another agent uses this folder"):
        Journal(tmp_path / "journal")
    await journal.aclose()
    await Journal(tmp_path / "journal").aclose()
