"""Who is right? What was accepted, what left the phone and what the API says must agree."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.radios.sent_log import SentLine

HAS_LEFT = frozenset({"sent", "delivered"})
IS_OVER = HAS_LEFT | {"failed", "expired", "canceled"}


@dataclass(frozen=True)
class Row:
    """A message as the API shows it."""

    to: str
    text: str
    status: str
    error_code: str | None = None

    @property
    def is_unknown(self) -> bool:
        """Nobody can tell whether it left."""
        return (self.status, self.error_code) == ("failed", "unknown")


@dataclass(frozen=True)
class Evidence:
    """All that is known of one tenant with one phone.

    `accepted`: id -> text of what was answered 202. `rows`: id -> what the API shows. `lines`: what
    left the phone.
    """

    accepted: Mapping[str, str]
    rows: Mapping[str, Row]
    lines: Sequence[SentLine]

    @property
    def unknown(self) -> int:
        """How many messages ended as unknown."""
        return sum(row.is_unknown for row in self.rows.values())

    def figures(self) -> str:
        """For the report of the run."""
        counts = Counter(row.status for row in self.rows.values())
        told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        return (
            f"{len(self.accepted)} accepted, {len(self.lines)} left the phone, "
            f"{self.unknown} unknown; the API says {told}"
        )


def differences(evidence: Evidence) -> list[str]:
    """A sentence for each thing that is wrong; none when all is well.

    All messages are expected to be over, and to have left unless nobody can tell: in a test whose
    messages expire on purpose, look at the rows as well.
    """
    return [
        *_of_accepted(evidence),
        *_of_keys(evidence),
        *_of_lines(evidence),
        *_of_rows(evidence),
    ]


def _of_accepted(evidence: Evidence) -> Iterator[str]:
    for message_id, text in evidence.accepted.items():
        row = evidence.rows.get(message_id)
        if row is None:
            yield f"{message_id} was answered with 202, but the API does not know it."
        elif row.text != text:
            yield f"{message_id} was accepted as {text!r}, but the API shows {row.text!r}."


def _of_keys(evidence: Evidence) -> Iterator[str]:
    keyed = Counter(row.text for row in evidence.rows.values() if row.text.startswith("keyed"))
    for text, count in keyed.items():
        if count > 1:
            yield f"The Idempotency-Key of {text!r} made {count} messages."


def _of_lines(evidence: Evidence) -> Iterator[str]:
    attempts: dict[str, list[str]] = defaultdict(list)
    for line in evidence.lines:
        message_id = line.attempt_id.rpartition(".")[0]
        attempts[message_id].append(line.attempt_id)
        row = evidence.rows.get(message_id)
        if row is None:
            yield f"{line.attempt_id} left the phone, but the API does not know it."
        elif (line.to, line.text) != (row.to, row.text):
            yield (
                f"{line.attempt_id} left as {line.text!r} to {line.to}, "
                f"but the API shows {row.text!r} to {row.to}."
            )
    for message_id, made in attempts.items():
        if len(made) > 1:
            yield f"{message_id} left the phone {len(made)} times, as {', '.join(made)}."


def _of_rows(evidence: Evidence) -> Iterator[str]:
    left = {line.attempt_id.rpartition(".")[0] for line in evidence.lines}
    for message_id, row in evidence.rows.items():
        reason = f" ({row.error_code})" if row.error_code else ""
        if row.status not in IS_OVER:
            yield f"{message_id} is still {row.status}."
        elif row.status in HAS_LEFT and message_id not in left:
            yield f"{message_id} is {row.status}, but never left the phone."
        elif row.status not in HAS_LEFT and message_id in left:
            yield f"{message_id} left the phone, but is {row.status}{reason}."
        elif row.status == "failed" and not row.is_unknown:
            yield f"{message_id} is failed{reason}, and nothing should fail here."
