"""What a payload would become, without sending it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from accounts.errors import GatewayError, InvalidInput, UnsupportedMediaType
from integrations.ingress.bodies import read_payload
from integrations.ingress.errors import MissingFields
from integrations.ingress.extraction import Extraction, FieldPaths, extract
from integrations.ingress.models import Ingress, IngressPayload
from integrations.ingress.services.receiving import draft_of
from messaging.drafts import CheckedDraft, check_draft


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was found, and the draft that would be sent, or why none would."""

    extraction: Extraction
    checked: CheckedDraft | None
    error: GatewayError | None


def rehearse(*, ingress: Ingress, payload: Any) -> Rehearsal:
    """Extract from `payload` (decoded JSON) and check what would be sent.

    Phones, opt-outs and credit are not asked: they may be different when the payload comes.
    """
    extraction = extract(payload, FieldPaths.of(ingress))
    if extraction.missing:
        return Rehearsal(extraction, None, MissingFields(extraction.missing, extraction.tried))
    country = ingress.tenant.default_country
    try:
        checked = check_draft(draft_of(extraction), country=country, now=timezone.now())
    except InvalidInput as error:
        return Rehearsal(extraction, None, error)
    return Rehearsal(extraction, checked, None)


def payload_again(logged: IngressPayload) -> Any:
    """The payload of a log entry; raises InvalidInput when it could not be read or was cut."""
    if logged.is_cut:
        text = "The log has only the first 16 kB of this payload. Send it as payload."
        raise InvalidInput.at("payloadId", "cut", text)
    try:
        return read_payload(logged.content_type, logged.body.encode())
    except (InvalidInput, UnsupportedMediaType) as error:
        text = f"This payload could not be read: {error.message}"
        raise InvalidInput.at("payloadId", "unreadable", text) from error
