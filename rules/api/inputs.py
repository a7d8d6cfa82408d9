"""What clients send about rules."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Annotated, Any, Literal

import msgspec
from django.utils import timezone
from msgspec import UNSET, Meta, UnsetType

from accounts.api.lists import PageQuery
from accounts.errors import InvalidInput
from accounts.models import Tenant
from devices.numbers import parse_sender
from rules.dry_runs import device_with
from rules.plans import Received
from rules.wishes import RuleWish

MAX_TRIED = 16_000  # characters of a text in a dry run
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")  # ISO weekdays from 1

MatchType = Literal["contains", "exact", "regex", "any"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Clock = Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5)]
Text = str | None | UnsetType
EngineOn = Annotated[bool, Meta(description="Whether rules are asked at all.")]
DefaultReply = Annotated[str, Meta(description="Answers what no rule matched.")]
ForwardAll = Annotated[bool, Meta(description="Whether webhooks hear what no rule matched, too.")]


class ActiveHoursIn(msgspec.Struct, rename={"from_": "from"}):
    """From and until as HH:MM on the tenant's clock; until may be on the next day."""

    from_: Clock
    until: Clock


class RulePatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be changed. A field that is left out stays; null takes what was set away."""

    name: str | UnsetType = UNSET
    match_type: MatchType | UnsetType = UNSET
    pattern: Annotated[Text, Meta(description="What to look for; RE2 syntax for `regex`.")] = UNSET
    from_filter: Annotated[
        Text, Meta(description="The sender's number, part of one, or a pattern; null: everyone.")
    ] = UNSET
    priority: Annotated[
        int | None | UnsetType, Meta(description="The lowest is asked first; the first match wins.")
    ] = UNSET
    enabled: bool | UnsetType = UNSET
    active_hours: ActiveHoursIn | None | UnsetType = UNSET
    active_days: Annotated[list[Day], Meta(max_length=7)] | None | UnsetType = UNSET
    cool_down_seconds: Annotated[
        int | None | UnsetType, Meta(description="How long the same sender is left alone then.")
    ] = UNSET
    reply_enabled: bool | UnsetType = UNSET
    reply_template: Annotated[
        Text, Meta(description="A text with variables such as `{{from}}` and `{{name}}`.")
    ] = UNSET
    email: Annotated[Text, Meta(description="An address that is sent the text.")] = UNSET
    email_subject: Text = UNSET
    email_body: Text = UNSET
    webhook: Annotated[Text, Meta(description="A URL that is sent the text.")] = UNSET
    forward_to: Annotated[Text, Meta(description="A number that is sent the text.")] = UNSET
    add_to_group: Annotated[Text, Meta(description="The group's id.")] = UNSET
    opt_out: Annotated[
        bool | UnsetType, Meta(description="Whether the sender gets no texts from now on.")
    ] = UNSET

    def changes(self) -> dict[str, Any]:
        """The fields that were given, as those of a RuleWish."""
        given = msgspec.structs.asdict(self)
        given["is_enabled"], given["group"] = given.pop("enabled"), given.pop("add_to_group")
        hours = given.pop("active_hours")
        if hours is not UNSET:
            given["active_from"] = time.fromisoformat(hours.from_) if hours else None
            given["active_until"] = time.fromisoformat(hours.until) if hours else None
        if given["active_days"] is not UNSET:
            given["active_days"] = _days(given["active_days"] or ())
        if given["cool_down_seconds"] is None:
            given["cool_down_seconds"] = 0
        keeps_null = ("priority", "active_from", "active_until")
        return {
            name: "" if value is None and name not in keeps_null else value
            for name, value in given.items()
            if value is not UNSET
        }


class RuleIn(RulePatch, kw_only=True):
    """A whole rule; what is left out has its default. Without a priority it is the last."""

    name: str
    match_type: MatchType

    def wish(self) -> RuleWish:
        return RuleWish(**self.changes())


class RuleOrderIn(msgspec.Struct):
    """All of the tenant's rules, in the order in which they are to be tried."""

    ids: Annotated[list[str], Meta(max_length=1000)]


class RuleTestIn(msgspec.Struct, rename={"from_": "from"}):
    """A text as it might come in: to the SIM with the number `to`, at a time other than now."""

    from_: Annotated[str, Meta(max_length=100)]
    text: Annotated[str, Meta(max_length=MAX_TRIED)]
    to: Annotated[str, Meta(max_length=100)] | None = None
    at: Annotated[datetime, Meta(tz=True)] | None = None

    def received(self, tenant: Tenant) -> Received:
        """As the engine sees it; raises InvalidInput."""
        if self.at is not None and not 2000 <= self.at.year < 2100:
            raise InvalidInput.at("at", "invalid_value", "at must be in this century.")
        return Received(
            tenant,
            sender=parse_sender(self.from_, tenant.default_country),
            text=self.text,
            at=self.at.astimezone(UTC) if self.at else timezone.now(),
            device_id=device_with(tenant, self.to) if self.to else None,
        )


class RuleSettingsPatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be changed. A field that is left out stays."""

    enabled: EngineOn | UnsetType = UNSET
    default_reply_enabled: bool | UnsetType = UNSET
    default_reply: DefaultReply | None | UnsetType = UNSET
    forward_all: ForwardAll | UnsetType = UNSET

    def changes(self) -> dict[str, Any]:
        """The fields that were given, by the names of the columns."""
        given = {
            "is_enabled": self.enabled,
            "default_reply_enabled": self.default_reply_enabled,
            "default_reply": "" if self.default_reply is None else self.default_reply,
            "forwards_all": self.forward_all,
        }
        return {name: value for name, value in given.items() if value is not UNSET}


class RuleSettingsIn(RuleSettingsPatch, kw_only=True):
    """All of the settings; what is left out has its default."""

    enabled: EngineOn = True
    default_reply_enabled: bool = False
    default_reply: DefaultReply | None = None
    forward_all: ForwardAll = True


class RuleRunsQuery(PageQuery):
    """The query string of the list of runs."""

    rule_id: str | None = None


def _days(names: list[Day] | tuple[()]) -> tuple[int, ...]:
    return tuple(DAYS.index(name) + 1 for name in names)
