"""Small pieces that every page uses."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince

from accounts.user_agents import browser_name

register = template.Library()


@register.simple_tag
def moment(value: datetime | None, style: str = "full") -> SafeString | str:
    """A time in the tenant's zone with the exact UTC on hover; `style` is full, time or ago."""
    if value is None:
        return "–"
    local = timezone.localtime(value)
    exact = value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if style == "ago":
        text = _ago(value)
    elif style == "time":
        text = f"{local:%H:%M:%S}"
    else:
        text = f"{local:%Y-%m-%d %H:%M:%S}"
    return format_html('<time datetime="{0}" title="{0} (UTC)">{1}</time>', exact, text)


def _ago(value: datetime) -> str:
    seconds = (timezone.now() - value).total_seconds()
    if seconds < 60:
        return "just now" if seconds >= 0 else "in a moment"
    return f"{timesince(value, depth=1)} ago"


@register.inclusion_tag("components/badge.html")
def badge(status: str, label: str = "") -> dict[str, Any]:
    """A status as a coloured word; the colours are in app.css, by status."""
    return {"status": status, "label": label or status.replace("_", " ")}


@register.inclusion_tag("components/field.html")
def field(bound: Any, hint: str = "") -> dict[str, Any]:
    """A form field with its label, help and errors, tied together for screen readers."""
    return {"field": bound, "hint": hint or bound.help_text}


@register.inclusion_tag("components/icon.html")
def icon(name: str) -> dict[str, str]:
    """A picture from icons.svg; decoration only."""
    return {"name": name}


@register.filter
def marked(text: str) -> SafeString:
    """A sentence from the code, with what stands between `backticks` as code."""
    return mark_safe(re.sub("`([^`]+)`", r"<code>\1</code>", escape(text)))  # noqa: S308 - escaped


@register.filter
def browser(user_agent: str) -> str:
    """ "Firefox on Windows", as far as a browser's User-Agent tells it."""
    return browser_name(user_agent)


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """This page's query string with `changes`; None or "" takes a parameter out."""
    params = context["request"].GET.copy()
    for name, value in changes.items():
        params.pop(name, None)
        if value not in (None, ""):
            params[name] = str(value)
    return f"?{params.urlencode()}" if params else "?"
