"""A message before it exists: what was asked for, and whether that can be sent."""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec

from accounts.errors import InvalidInput, Issue
from accounts.web_addresses import InvalidWebAddress, check_web_address
from devices.numbers import InvalidNumber, parse_number
from messaging.models import Message
from messaging.segments import Segmentation, segment

MAX_TEXT = 1600
MAX_REF = 64
MAX_METADATA_BYTES = 2048
MAX_SCHEDULE = timedelta(days=366)
# What PostgreSQL or UTF-8 cannot hold.
_find_unstorable = re.compile("[\x00\ud800-\udfff]").search


class MessageDraft(msgspec.Struct, frozen=True, kw_only=True):
    """One text to one recipient, as asked for; every face makes these.

    `hold` True or False overrides the tenant's rule for when no phone is online.
    """

    recipient: str
    text: str
    ref: str = ""
    callback: str = ""
    device_id: uuid.UUID | None = None
    sim_slot: int | None = None
    lane: int = Message.Lane.NORMAL.value
    send_at: datetime | None = None
    expires_at: datetime | None = None
    hold: bool | None = None
    metadata: dict[str, Any] | None = None
    max_segments: int | None = None
    is_test: bool = False


class CheckedDraft(msgspec.Struct, frozen=True):
    """A draft that can be sent, its canonical recipient and its segments."""

    draft: MessageDraft
    recipient: str
    segmentation: Segmentation


def check_draft(draft: MessageDraft, *, country: str, now: datetime) -> CheckedDraft:
    """`draft` with its number read in `country`; raises InvalidInput with every issue found."""
    issues: list[Issue] = []
    recipient = ""
    try:
        recipient = parse_number(draft.recipient, country)
    except InvalidNumber as error:
        issues.append(Issue("to", "invalid_phone_number", str(error)))
    length = len(draft.text)
    if not 1 <= length <= MAX_TEXT:
        text = f"text must have 1 to {MAX_TEXT} characters; this one has {length}."
        issues.append(Issue("text", "invalid_length", text))
    segmentation = segment(draft.text)
    if segmentation.forced_by and _find_unstorable(segmentation.forced_by):
        text = "NUL characters and lone surrogates cannot be sent."
        issues.append(Issue("text", "invalid_characters", text))
    if draft.max_segments is not None and segmentation.segments > draft.max_segments:
        text = f"text needs {segmentation.segments} segments, more than maxSegments allows."
        issues.append(Issue("text", "too_many_segments", text))
    if draft.ref or draft.callback or draft.metadata or draft.send_at or draft.expires_at:
        issues += _issues_of_extras(draft, now)
    if issues:
        raise InvalidInput(issues=tuple(issues))
    return CheckedDraft(draft, recipient, segmentation)


def _issues_of_extras(draft: MessageDraft, now: datetime) -> list[Issue]:
    issues = []
    if len(draft.ref) > MAX_REF:
        text = f"ref may have at most {MAX_REF} characters."
        issues.append(Issue("ref", "invalid_length", text))
    if draft.callback:
        try:
            check_web_address(draft.callback)
        except InvalidWebAddress as error:
            issues.append(Issue("callback", "invalid_url", str(error)))
    if draft.metadata and len(msgspec.json.encode(draft.metadata)) > MAX_METADATA_BYTES:
        issues.append(Issue("metadata", "too_large", "metadata may have at most 2 kB as JSON."))
    if draft.send_at and draft.send_at > now + MAX_SCHEDULE:
        issues.append(Issue("sendAt", "too_late", "sendAt may be at most a year ahead."))
    if draft.expires_at and draft.expires_at <= max(now, draft.send_at or now):
        text = "expiresAt must be in the future, and after sendAt."
        issues.append(Issue("expiresAt", "too_early", text))
    return issues
