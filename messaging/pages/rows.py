"""Messages as rows of a list."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import Tenant
from messaging.api.inputs import ListQuery
from messaging.api.lists import page_of_messages
from messaging.directory import names_of
from messaging.models import Message
from messaging.pages.explanations import explain
from messaging.queries import messages_for
from messaging.states import Status

COLUMNS = (
    "public_id",
    "created_at",
    "direction",
    "status",
    "sender",
    "recipient",
    "text",
    "segments",
    "error_code",
    "error",
)
# What people call the steps that only programs tell apart.
_WORDS = {Status.LEASED: "sending", Status.ACCEPTED: "sending"}
_LASTING = frozenset({Status.DELIVERED, Status.RECEIVED})


@dataclass(frozen=True)
class Row:
    """A message and the name of who it is to or from, which may be empty."""

    message: Message
    name: str

    @property
    def number(self) -> str:
        """The other party: short for all that is shown of it."""
        return other_party(self.message)

    @property
    def word(self) -> str:
        return status_word(self.message)

    @property
    def reason(self) -> str:
        explanation = explain(self.message)
        return explanation.what if explanation else ""

    @property
    def is_open(self) -> bool:
        """Whether its status may still change."""
        return self.message.status not in _LASTING


def other_party(message: Message) -> str:
    """The number at the other end; empty when the phone did not tell it."""
    is_inbound = message.direction == Message.Direction.INBOUND
    return message.sender if is_inbound else message.recipient


def status_word(message: Message) -> str:
    """The status as people say it."""
    status = Status(message.status)
    return _WORDS.get(status, str(status.value))


def page_of_rows(tenant: Tenant, query: ListQuery) -> tuple[list[Row], str | None]:
    """(rows newest first, cursor of the next page or None): two queries; raises InvalidInput."""
    messages, cursor = page_of_messages(tenant, query, COLUMNS)
    return _rows(tenant, messages), cursor


def rows_changed(tenant: Tenant, shown: dict[str, str]) -> list[Row]:
    """Of the messages `shown` (public id in hex -> status), those whose status is another now."""
    if not shown:
        return []
    found = messages_for(tenant).filter(public_id__in=shown).only(*COLUMNS)
    changed = [message for message in found if message.status != shown[message.public_id.hex]]
    return _rows(tenant, changed)


def _rows(tenant: Tenant, messages: list[Message]) -> list[Row]:
    numbers = {other_party(message) for message in messages}
    names = names_of(tenant, numbers) if numbers else {}
    return [Row(message, names.get(other_party(message), "")) for message in messages]
