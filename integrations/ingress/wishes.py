"""How an ingress is to be, and whether that makes sense."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from accounts.errors import InvalidInput, Issue
from accounts.web_addresses import InvalidWebAddress, check_web_address
from integrations.ingress.models import Ingress
from integrations.ingress.paths import InvalidPath, parse_path
from integrations.ingress.presets import PRESETS
from messaging.templates import MAX_TEMPLATE, variables_in

SIGNING_HEADER = "X-Webhook-Signature"
MAX_SECRET = 255
# No underscores: many servers drop such headers, because the names become ambiguous in CGI.
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}", re.ASCII)
_PLACEHOLDER = re.compile(r"[\w .$@:'\"\[\]-]+")
_PLACEHOLDERS = re.compile(r"\{\{[^{}]*\}\}")
_OTHER_SYNTAX = re.compile(r"\{\{|\}\}|\{%|%\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressWish:
    """All that a tenant chooses. Blank paths are the preset's; a secret of None stays as it is."""

    name: str
    preset: str
    to_path: str = ""
    text_path: str = ""
    ref_path: str = ""
    text_template: str = ""
    signing_secret: str | None = None
    signing_header: str = SIGNING_HEADER
    outbound_url: str = ""
    once_per_ref: bool = False
    requests_per_minute: int = 600
    is_enabled: bool = True

    @classmethod
    def of(cls, ingress: Ingress) -> IngressWish:
        """As the ingress is."""
        return cls(
            name=ingress.name,
            preset=ingress.preset,
            to_path=ingress.to_path,
            text_path=ingress.text_path,
            ref_path=ingress.ref_path,
            text_template=ingress.text_template,
            signing_header=ingress.signing_header,
            outbound_url=ingress.outbound_url,
            once_per_ref=ingress.once_per_ref,
            requests_per_minute=ingress.requests_per_minute,
            is_enabled=ingress.is_enabled,
        )


def check_wish(wish: IngressWish) -> None:
    """Raise InvalidInput with every issue, by the API's field names."""
    issues = tuple(_issues_of(wish))
    if issues:
        raise InvalidInput(issues=issues)


def _issues_of(wish: IngressWish) -> Iterator[Issue]:
    if not wish.name.strip():
        yield Issue("name", "invalid_length", "Give the ingress a name.")
    if wish.preset not in PRESETS:
        yield Issue("preset", "unknown_preset", f"preset is one of {', '.join(PRESETS)}.")
    paths = {"toPath": wish.to_path, "textPath": wish.text_path, "refPath": wish.ref_path}
    for field, path in paths.items():
        reason = _why_no_path(path) if path else ""
        if reason:
            yield Issue(field, "invalid_path", reason)
    if wish.text_template:
        yield from _issues_of_template(wish.text_template)
    if len(wish.signing_secret or "") > MAX_SECRET:
        text = f"signingSecret may have at most {MAX_SECRET} characters."
        yield Issue("signingSecret", "invalid_length", text)
    if not _HEADER.fullmatch(wish.signing_header):
        text = "signingHeader is a header's name: up to 100 letters, digits and hyphens."
        yield Issue("signingHeader", "invalid_header", text)
    if wish.outbound_url:
        try:
            check_web_address(wish.outbound_url)
        except InvalidWebAddress as error:
            yield Issue("outboundUrl", "invalid_url", str(error))


def _issues_of_template(template: str) -> Iterator[Issue]:
    if not template.strip() or len(template) > MAX_TEMPLATE:
        text = f"textTemplate has 1 to {MAX_TEMPLATE} characters, not all of them spaces."
        yield Issue("textTemplate", "invalid_length", text)
    rest = _PLACEHOLDERS.sub("", template)
    if _OTHER_SYNTAX.search(rest) or "{{{" in template or "}}}" in template:
        text = "textTemplate knows only placeholders such as {{customer.name}}."
        yield Issue("textTemplate", "invalid_template", text)
    for path in sorted(variables_in(template)):
        reason = _why_no_path(path) if _PLACEHOLDER.fullmatch(path) else "Name a path, no more."
        if reason:
            yield Issue("textTemplate", "invalid_path", f"{{{{{path[:50]}}}}}: {reason}")


def _why_no_path(path: str) -> str:
    """What is wrong with `path`, as a sentence, or nothing."""
    try:
        parse_path(path)
    except InvalidPath as error:
        return str(error)
    return ""
