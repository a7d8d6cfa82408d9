"""What a rule will do with a text: its actions, rendered, not yet written down."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import Tenant
from devices.models import Device
from devices.numbers import InvalidNumber, parse_number
from messaging.models import Contact, Message
from messaging.queries import messages_for
from messaging.templates import render, variables_in
from rules.matching import Inbound
from rules.models import Rule, RuleAction

VARIABLES = frozenset({"from", "text", "ref", "now", "tenantName", "deviceId", "name"})
MAX_SUBJECT = 200  # characters of a subject, before and after it is rendered
MAX_EMAIL = 20_000  # characters of a rendered e-mail
DEFAULT_SUBJECT = "Text from {{from}}"
DEFAULT_BODY = "{{text}}"
FORWARDED = "{{from}}: {{text}}"


@dataclass(frozen=True, slots=True)
class Received:
    """An inbound text, as far as rules ask: the sender as messages store it, the time in UTC."""

    tenant: Tenant
    sender: str
    text: str
    at: datetime
    device_id: int | None = None

    @property
    def local_time(self) -> datetime:
        return self.at.astimezone(ZoneInfo(self.tenant.time_zone))

    def inbound(self) -> Inbound:
        """For matching."""
        return Inbound.of(sender=self.sender, text=self.text, at=self.local_time)


@dataclass(frozen=True, slots=True)
class Planned:
    """An action: its payload as in `RuleAction`, or why it cannot be done (a code, a sentence)."""

    kind: RuleAction.Kind
    payload: dict[str, Any]
    error_code: str = ""
    error: str = ""


def templates_of(rule: Rule) -> dict[str, str]:
    """The templates that `rule` uses: name of the field (of the model) -> template."""
    templates = {}
    if rule.reply_enabled:
        templates["reply_template"] = rule.reply_template
    if rule.email:
        templates["email_subject"] = rule.email_subject or DEFAULT_SUBJECT
        templates["email_body"] = rule.email_body or DEFAULT_BODY
    return templates


def plan(rule: Rule, received: Received) -> list[Planned]:
    """What `rule` does, in the order in which it is done; queries for what its templates use."""
    kinds = RuleAction.Kind
    templates = templates_of(rule)
    values = values_for(set().union(*map(variables_in, templates.values())), received)
    actions = []
    if rule.reply_enabled:
        actions.append(_reply(rule.reply_template, values, received))
    if rule.email:
        subject = render(templates["email_subject"], values, limit=MAX_SUBJECT)
        body = render(templates["email_body"], values, limit=MAX_EMAIL)
        payload = {"to": rule.email, "subject": " ".join(subject.split()), "body": body}
        actions.append(Planned(kinds.EMAIL, payload))
    if rule.webhook:
        actions.append(Planned(kinds.WEBHOOK, {"url": rule.webhook}))
    if rule.forward_to:
        text = render(FORWARDED, values)
        actions.append(Planned(kinds.FORWARD, {"to": rule.forward_to, "text": text}))
    if rule.add_to_group_id is not None:
        actions.append(Planned(kinds.ADD_TO_GROUP, {"group_id": rule.add_to_group_id}))
    if rule.opt_out:
        actions.append(Planned(kinds.OPT_OUT, {}))
    return actions


def plan_reply(template: str, received: Received) -> Planned:
    """A reply with `template` and nothing else."""
    return _reply(template, values_for(variables_in(template), received), received)


def values_for(names: Collection[str], received: Received) -> dict[str, str]:
    """Values of the variables `names` and of those that cost no query.

    A contact's own field cannot take the place of one of ours.
    """
    values = {
        "from": received.sender,
        "text": received.text,
        "now": f"{received.local_time:%Y-%m-%d %H:%M}",
        "tenantName": received.tenant.name,
    }
    wanted = set(names) - values.keys()
    if "ref" in wanted:
        values["ref"] = _latest_ref(received)
    if "deviceId" in wanted and received.device_id is not None:
        device = Device.objects.of(received.tenant).filter(pk=received.device_id).first()
        values["deviceId"] = device.external_id if device else ""
    if wanted - {"ref", "deviceId"}:
        values = _contact_values(received) | values
    return values


def _reply(template: str, values: Mapping[str, str], received: Received) -> Planned:
    text = render(template, values)
    payload = {"to": received.sender, "text": text}
    try:
        parse_number(received.sender, received.tenant.default_country)
    except InvalidNumber:
        error = "The sender is no number that can be answered."
        return Planned(RuleAction.Kind.REPLY, payload, "cannot_receive", error)
    if not text.strip():
        error = "Nothing is left of the reply when its variables are filled in."
        return Planned(RuleAction.Kind.REPLY, payload, "empty_text", error)
    return Planned(RuleAction.Kind.REPLY, payload)


def _latest_ref(received: Received) -> str:
    """The ref of the last message that the tenant sent to whoever wrote now."""
    sent = messages_for(received.tenant).filter(
        recipient=received.sender, direction=Message.Direction.OUTBOUND
    )
    return sent.values_list("ref", flat=True).first() or ""


def _contact_values(received: Received) -> dict[str, str]:
    contacts = Contact.objects.filter(tenant=received.tenant, number=received.sender)
    contact = contacts.only("name", "fields").first()
    if contact is None:
        return {}
    own = {name: str(value) for name, value in contact.fields.items()}
    return own | {"name": contact.name}
