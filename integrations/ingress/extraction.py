"""What of a payload becomes the SMS: recipient, text and ref, and at which paths they were."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from integrations.ingress.models import Ingress
from integrations.ingress.paths import look_up, parse_path
from integrations.ingress.presets import PRESETS
from messaging.templates import render, variables_in

_MAX_ELEMENTS = 100
_MAX_NUMBER = 10**64  # longer than any ref
# What is longer than a text may be is refused when it is sent; this only bounds the work.
_MAX_COMPOSED = 16_000


@dataclass(frozen=True, slots=True)
class FieldPaths:
    """Where an ingress looks, in order; a template, if it has one, makes the text."""

    to: tuple[str, ...]
    text: tuple[str, ...]
    ref: tuple[str, ...]
    template: str = ""

    @classmethod
    def of(cls, ingress: Ingress) -> FieldPaths:
        """The ingress's own paths, and the preset's where it has none."""
        preset = PRESETS[ingress.preset]
        template = ingress.text_template
        own_text = (ingress.text_path,) if ingress.text_path else preset.text
        return cls(
            to=(ingress.to_path,) if ingress.to_path else preset.to,
            text=tuple(sorted(variables_in(template))) if template else own_text,
            ref=(ingress.ref_path,) if ingress.ref_path else preset.ref,
            template=template,
        )


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was found; empty = nothing usable. `found` and `tried` are field -> path or paths."""

    to: str
    text: str
    ref: str
    found: dict[str, list[str]]
    tried: dict[str, list[str]]

    @property
    def missing(self) -> list[str]:
        """The fields without which nothing can be sent."""
        return [name for name in ("to", "text") if not getattr(self, name).strip()]


def extract(payload: Any, paths: FieldPaths) -> Extraction:
    """Look in `payload` (decoded JSON) at `paths`."""
    to, to_path = _first(payload, paths.to)
    ref, ref_path = _first(payload, paths.ref)
    if paths.template:
        values = {path: _text_at(payload, path) for path in paths.text}
        text = render(paths.template, values, limit=_MAX_COMPOSED)
        text_paths = [path for path in paths.text if values[path]]
    else:
        text, text_paths = _first(payload, paths.text)
    return Extraction(
        to=to.strip(),
        text=text,
        ref=ref.strip(),
        found={"to": to_path, "text": text_paths, "ref": ref_path},
        tried={"to": list(paths.to), "text": list(paths.text)},
    )


def _first(payload: Any, paths: Sequence[str]) -> tuple[str, list[str]]:
    """The first usable text and the path at which it is."""
    for path in paths:
        text = _text_at(payload, path)
        if text:
            return text, [path]
    return "", []


def _text_at(payload: Any, path: str) -> str:
    value = look_up(payload, parse_path(path))
    if isinstance(value, list):
        texts = (_text_of(element) for element in islice(value, _MAX_ELEMENTS))
        return next((text for text in texts if text), "")
    return _text_of(value)


def _text_of(value: Any) -> str:
    """A JSON string or number as text; anything else, and white space, is none.

    `false` in particular: it is how some products write an empty field.
    """
    if isinstance(value, str):
        return value if value.strip() else ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if abs(value) >= _MAX_NUMBER or not math.isfinite(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # 6581230000.0, from a spreadsheet
    return str(value)
