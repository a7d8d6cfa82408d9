"""Ingresses as the native API shows them."""

from __future__ import annotations

import msgspec
from django.conf import settings

from accounts.api.errors import IssueOut
from accounts.api.times import iso
from accounts.secrets import decrypt
from integrations.ingress.extraction import FieldPaths
from integrations.ingress.models import Ingress, IngressPayload
from integrations.ingress.services.rehearsal import Rehearsal


class PathsOut(msgspec.Struct):
    """Where an ingress looks, in order: its own path, or those of the preset."""

    to: list[str]
    text: list[str]
    ref: list[str]


class IngressOut(msgspec.Struct, rename="camel"):
    """`url` is masked for keys without ingress:write. `toPath` and so on are null if the preset's
    hold, and `paths` has what counts."""

    id: str
    name: str
    preset: str
    url: str
    enabled: bool
    to_path: str | None
    text_path: str | None
    ref_path: str | None
    text_template: str | None
    paths: PathsOut
    signed: bool
    signing_header: str
    outbound_url: str | None
    once_per_ref: bool
    requests_per_minute: int
    created_at: str
    last_used_at: str | None


class IngressesOut(msgspec.Struct):
    """Oldest first."""

    data: list[IngressOut]


class FoundOut(msgspec.Struct, omit_defaults=True):
    """What was found in a payload, and at which paths; empty = nothing usable."""

    to: str = ""
    text: str = ""
    ref: str = ""
    found: dict[str, list[str]] = {}


class PayloadOut(msgspec.Struct, rename="camel"):
    """A payload that came in, and what was answered. `isCut`: `body` has the first 16 kB."""

    id: str
    received_at: str
    content_type: str | None
    body: str
    is_cut: bool
    status: int
    error: str | None
    error_message: str | None
    message_id: str | None
    extracted: FoundOut


class PayloadsOut(msgspec.Struct):
    """Newest first."""

    data: list[PayloadOut]


class DryRunOut(msgspec.Struct, rename="camel"):
    """What a payload would become. `error` and `issues` say why nothing would be sent."""

    would_send: bool
    to: str | None
    text: str | None
    ref: str | None
    found: dict[str, list[str]]
    tried: dict[str, list[str]]
    encoding: str | None
    segments: int
    error: str | None
    issues: list[IssueOut]


def ingress_out(ingress: Ingress, *, shows_token: bool) -> IngressOut:
    paths = FieldPaths.of(ingress)
    return IngressOut(
        id=ingress.external_id,
        name=ingress.name,
        preset=ingress.preset,
        url=_url_of(ingress, shows_token),
        enabled=ingress.is_enabled,
        to_path=ingress.to_path or None,
        text_path=ingress.text_path or None,
        ref_path=ingress.ref_path or None,
        text_template=ingress.text_template or None,
        paths=PathsOut(list(paths.to), list(paths.text), list(paths.ref)),
        signed=bool(ingress.signing_secret),
        signing_header=ingress.signing_header,
        outbound_url=ingress.outbound_url or None,
        once_per_ref=ingress.once_per_ref,
        requests_per_minute=ingress.requests_per_minute,
        created_at=iso(ingress.created_at) or "",
        last_used_at=iso(ingress.last_used_at),
    )


def payload_out(payload: IngressPayload) -> PayloadOut:
    return PayloadOut(
        id=payload.external_id,
        received_at=iso(payload.received_at) or "",
        content_type=payload.content_type or None,
        body=payload.body,
        is_cut=payload.is_cut,
        status=payload.status,
        error=payload.error_code or None,
        error_message=payload.error or None,
        message_id=payload.message or None,
        extracted=msgspec.convert(payload.extracted, FoundOut),
    )


def dry_run_out(rehearsal: Rehearsal) -> DryRunOut:
    extraction, draft, error = rehearsal.extraction, rehearsal.checked, rehearsal.error
    issues = error.issues if error else ()
    return DryRunOut(
        would_send=draft is not None,
        to=draft.recipient if draft else extraction.to or None,
        text=extraction.text or None,
        ref=extraction.ref or None,
        found=extraction.found,
        tried=extraction.tried,
        encoding=draft.segmentation.encoding if draft else None,
        segments=draft.segmentation.segments if draft else 0,
        error=error.code if error else None,
        issues=[IssueOut(issue.path, issue.code, issue.message) for issue in issues],
    )


def _url_of(ingress: Ingress, shows_token: bool) -> str:
    token = decrypt(ingress.token) if shows_token else f"{Ingress.TOKEN_PREFIX}****"
    return f"{settings.PUBLIC_URL}/v1/ingress/{token}"
