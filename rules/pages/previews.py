"""What a rule that is being edited would make of the texts that came in last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.utils import timezone

from accounts.errors import Issue
from accounts.ids import decode_id
from accounts.models import Tenant
from messaging.keywords import Keyword
from messaging.models import Group, KeywordSettings, Message
from messaging.queries import messages_for
from messaging.segments import Segmentation, segment
from messaging.services.keywords import keyword_in
from rules.advice import warnings_of
from rules.matching import CompiledRule, Mismatch, compile_rule, first_match
from rules.models import Rule, RuleAction
from rules.pages.forms import RuleForm
from rules.pages.words import KINDS, Doing
from rules.plans import Planned, Received, plan
from rules.queries import engine_of
from rules.wishes import RuleWish

MOST_TEXTS = 50
PATTERNS = ("pattern", "from_filter")  # fields whose errors show while one types
SAMPLE_SENDER, SAMPLE_TEXT = "+6581234567", "Hello"
_WHY = {
    Mismatch.TIME: "other hours",
    Mismatch.SENDER: "another number",
}


@dataclass(frozen=True, slots=True)
class Tried:
    """A text that came in, whether the rule fits it, and the rule that comes first nevertheless."""

    message: Message
    mismatch: Mismatch | None
    keyword: Keyword | None
    first: Rule | None

    @property
    def fits(self) -> bool:
        return self.mismatch is None and self.keyword is None

    @property
    def why(self) -> str:
        """In two words, why it does not fit; empty when that is to be seen."""
        if self.keyword is not None:
            return f"{self.keyword.upper()} keyword"
        return _WHY.get(self.mismatch, "") if self.mismatch else ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """An action with its texts filled in; what the text of an SMS costs on the air."""

    planned: Planned
    doing: Doing
    segments: Segmentation | None


@dataclass(frozen=True, slots=True)
class Preview:
    """`tried` has what fits first, else it is newest first.

    While the pattern `is_blank` or `is_wrong` nothing is tried. `sample` is the text that `actions`
    are filled in with.
    """

    is_blank: bool
    is_wrong: bool
    tried: list[Tried]
    sample: Received
    group: Group | None
    actions: list[Rendered]
    warnings: list[Issue]

    @property
    def fitting(self) -> int:
        return sum(text.fits for text in self.tried)

    @property
    def taken(self) -> int:
        """How many fitting texts another rule would take first."""
        return sum(text.fits and text.first is not None for text in self.tried)


def preview_of(tenant: Tenant, form: RuleForm, rule: Rule | None) -> Preview:
    """What `form` (validated or unbound) would do as it stands; `rule` is the one it changes.

    It is tried as if it were on. At most eight queries.
    """
    draft = _draft(tenant, form.wish(), rule)
    is_wrong = any(form[name].errors and form[name].value() for name in PATTERNS)
    wants_any = draft.match_type == Rule.MatchType.ANY
    is_blank = not (is_wrong or wants_any or draft.pattern.strip())
    recent = [] if is_blank or is_wrong else _recent(tenant)
    tried = _try(tenant, draft, recent) if recent else []
    sample = _sample(tenant, tried)
    return Preview(
        is_blank,
        is_wrong,
        sorted(tried, key=lambda text: not text.fits),
        sample,
        draft.add_to_group,
        [rendered(planned) for planned in plan(draft, sample) if _is_typed(planned, draft)],
        [] if is_blank or is_wrong else warnings_of(draft),
    )


def _draft(tenant: Tenant, wish: RuleWish, rule: Rule | None) -> Rule:
    """The rule as it would be stored, in its place; a new one is the last."""
    columns: dict[str, Any] = asdict(wish)
    group_id = decode_id(Group.ID_PREFIX, columns.pop("group"))
    group = Group.objects.filter(tenant=tenant, public_id=group_id).first() if group_id else None
    columns |= {"is_enabled": True, "priority": rule.priority if rule else 0}
    return Rule(tenant=tenant, pk=rule.pk if rule else None, add_to_group=group, **columns)


def _recent(tenant: Tenant) -> list[Message]:
    inbound = messages_for(tenant).filter(direction=Message.Direction.INBOUND)
    return list(inbound.order_by("-public_id")[:MOST_TEXTS])


def _try(tenant: Tenant, draft: Rule, messages: Sequence[Message]) -> list[Tried]:
    compiled = compile_rule(draft, tenant.default_country)
    before = _rules_before(tenant, draft)
    keyword_settings = KeywordSettings.objects.filter(tenant=tenant).first()
    tried = []
    for message in messages:
        inbound = _received(tenant, message).inbound()
        mismatch = compiled.mismatch(inbound)
        first = first_match(before, inbound) if mismatch is None else None
        keyword = keyword_in(message.text, keyword_settings)
        tried.append(Tried(message, mismatch, keyword, first))
    return tried


def _rules_before(tenant: Tenant, draft: Rule) -> list[CompiledRule]:
    engine = engine_of(tenant.pk)
    others = engine.rules if engine else ()
    if draft.pk is None:
        return list(others)
    place = (draft.priority, draft.pk)
    return [other for other in others if (other.rule.priority, other.rule.pk) < place]


def _is_typed(planned: Planned, draft: Rule) -> bool:
    """False for a reply whose text is still to be typed: nothing is wrong with it yet."""
    return planned.kind != RuleAction.Kind.REPLY or bool(draft.reply_template.strip())


def _sample(tenant: Tenant, tried: Sequence[Tried]) -> Received:
    """The newest text that fits, else the newest, else one made up."""
    text = next((text for text in tried if text.fits), tried[0] if tried else None)
    if text is None:
        return Received(tenant, SAMPLE_SENDER, SAMPLE_TEXT, timezone.now())
    return _received(tenant, text.message)


def _received(tenant: Tenant, message: Message) -> Received:
    return Received(tenant, message.sender, message.text, message.created_at, message.device_id)


def rendered(planned: Planned) -> Rendered:
    """`planned` with what its page shows beside it."""
    is_text = planned.kind in (RuleAction.Kind.REPLY, RuleAction.Kind.FORWARD)
    segments = segment(planned.payload["text"]) if is_text else None
    return Rendered(planned, KINDS[planned.kind], segments)
