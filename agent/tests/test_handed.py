"""Which text a delivery report is about, when all that it has is a number from 0 to 255."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.radios.base import DeliveryReport, OutgoingText
from agent.radios.handed import HandedTexts, is_same_number
from agent.radios.reports import verdict_of, verdict_of_word


@pytest.fixture
async def handed(tmp_path: Path) -> AsyncIterator[HandedTexts]:
    texts = HandedTexts(tmp_path)
    yield texts
    await texts.aclose()


def hand(texts: HandedTexts, attempt_id: str, to: str, *references: int, sim: int = 1) -> None:
    texts.begin(OutgoingText(attempt_id, to, "Hi", sim), len(references))
    for part, reference in enumerate(references, start=1):
        texts.confirm(attempt_id, part, reference)


async def test_report_finds_its_part(handed: HandedTexts) -> None:
    hand(handed, "m1", "+6591234567", 7, 8)
    assert handed.match(1, 8, "91234567") == DeliveryReport("m1", part=2, parts=2)


@pytest.mark.parametrize(
    ("sim", "reference", "number"), [(2, 7, "+6591234567"), (1, 8, "+6591234567"), (1, 7, "+651")]
)
async def test_report_of_another_sim_reference_or_number_finds_nothing(
    handed: HandedTexts, sim: int, reference: int, number: str
) -> None:
    hand(handed, "m1", "+6591234567", 7)
    assert handed.match(sim, reference, number) is None


async def test_reference_used_again_means_the_newer_text(handed: HandedTexts) -> None:
    hand(handed, "old", "+6591234567", 7)
    hand(handed, "new", "+6591234567", 7)
    assert handed.match(1, 7, "+6591234567") == DeliveryReport("new")


async def test_reported_part_is_not_meant_again(handed: HandedTexts) -> None:
    hand(handed, "m1", "+6591234567", 255, 255)  # a modem that does not count
    first = handed.match(1, 255, "+6591234567")
    assert first == DeliveryReport("m1", 1, 2)
    handed.mark_reported(first)
    second = handed.match(1, 255, "+6591234567")
    assert second == DeliveryReport("m1", 2, 2)
    handed.mark_reported(second)
    assert handed.match(1, 255, "+6591234567") is None


async def test_text_is_sent_when_all_its_parts_are_confirmed(handed: HandedTexts) -> None:
    handed.begin(OutgoingText("m1", "+65", "Hi", 1), 2)
    handed.confirm("m1", 1, 7)
    assert handed.parts_sent("m1") is None
    handed.confirm("m1", 2, 8)
    assert handed.parts_sent("m1") == 2
    assert handed.parts_sent("never heard of") is None


async def test_modem_keeps_its_slot(handed: HandedTexts) -> None:
    assert [handed.slot_of(modem) for modem in ("a", "b", "a", "c", "b")] == [1, 2, 1, 3, 2]


def test_numbers_are_the_same_with_and_without_country_code() -> None:
    assert is_same_number("+6591234567", "91234567")
    assert not is_same_number("+6591234567", "+6591234568")


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(0x00, "delivered"), (0x02, "delivered"), (0x20, "waiting"), (0x25, "waiting"),
     (0x40, "undelivered"), (0x46, "undelivered"), (0x65, "undelivered"), (0x80, "waiting")],
)  # fmt: skip
def test_verdict_of_a_status(status: int, verdict: str) -> None:
    assert verdict_of(status) == verdict


@pytest.mark.parametrize(
    ("word", "verdict"),
    [("completed-received", "delivered"), ("completed-sc-specific-reason", "delivered"),
     ("temporary-error-sme-busy", "waiting"), ("error-validity-period-expired", "undelivered"),
     ("temporary-fatal-error-congestion", "undelivered"), ("unknown-reason-reserved", "waiting"),
     ("", "waiting")],
)  # fmt: skip
def test_verdict_of_modemmanagers_words(word: str, verdict: str) -> None:
    assert verdict_of_word(word) == verdict
