"""Which words end, resume and explain a tenant's messages, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from accounts.errors import InvalidInput, Issue
from accounts.models import Tenant, User
from accounts.services.audit import record_audit
from messaging.keywords import LANGUAGES, Keyword, find_keyword, fold
from messaging.models import KeywordSettings

MAX_WORDS = 20  # in a list, beside those of the languages
MAX_WORD = 40  # characters
MAX_TEXT = 480  # characters: three segments of GSM-7, a little more in other letters

# Field -> its path in the API, and what its words mean.
_WORD_LISTS = {
    "stop_words": ("keywords.stopWords", Keyword.STOP),
    "start_words": ("keywords.startWords", Keyword.START),
    "help_words": ("keywords.helpWords", Keyword.HELP),
}
_TEXTS = {
    "stop_text": "keywords.stopText",
    "start_text": "keywords.startText",
    "help_text": "keywords.helpText",
}


@dataclass(frozen=True, slots=True)
class KeywordWishes:
    """How a tenant wants its keywords; None = as they are.

    `languages` are keys of LANGUAGES, none = English; the words are understood beside theirs. An
    empty text is the one of the first language.
    """

    languages: Sequence[str] | None = None
    stop_words: Sequence[str] | None = None
    start_words: Sequence[str] | None = None
    help_words: Sequence[str] | None = None
    stop_text: str | None = None
    start_text: str | None = None
    help_text: str | None = None


@transaction.atomic
def update_keyword_settings(*, tenant: Tenant, wanted: KeywordWishes, actor: User | None) -> bool:
    """Change what `wanted` names, all or nothing; True if that is something else than before.

    The next inbound text is read with it. Raises InvalidInput with an issue for each mistake.
    """
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)  # one at a time
    row = KeywordSettings.objects.filter(tenant=tenant).first() or KeywordSettings(tenant=tenant)
    changes: dict[str, Any] = {}
    for name, value in asdict(wanted).items():
        cleaned = _cleaned(value)
        if cleaned is not None and cleaned != getattr(row, name):
            changes[name] = [getattr(row, name), cleaned]
            setattr(row, name, cleaned)
    _check(row)
    if changes:
        row.save()
        record_audit(tenant=tenant, actor=actor, action="tenant.keywords_changed", **changes)
    return bool(changes)


def _cleaned(value: Any) -> Any:
    """A text or a list of words without the spaces around it."""
    if value is None or isinstance(value, str):
        return value.strip() if value else value
    return [word.strip() for word in value]


def _check(row: KeywordSettings) -> None:
    """Raise InvalidInput with all that is wrong with the settings as they are to be."""
    issues = [
        Issue(f"keywords.languages[{n}]", "unknown_language", f"Known are {', '.join(LANGUAGES)}.")
        for n, code in enumerate(row.languages)
        if code not in LANGUAGES
    ]
    for name, path in _TEXTS.items():
        if len(getattr(row, name)) > MAX_TEXT:
            issues.append(Issue(path, "too_long", f"A text has at most {MAX_TEXT} characters."))
    for name, (path, _) in _WORD_LISTS.items():
        if len(getattr(row, name)) > MAX_WORDS:
            issues.append(Issue(path, "too_long", f"A list has at most {MAX_WORDS} words."))
    issues += _wrong_words(row)
    if issues:
        raise InvalidInput(issues=tuple(issues))


def _wrong_words(row: KeywordSettings) -> list[Issue]:
    """An issue for each word that nobody can send, or that means something else already."""
    meanings: dict[str, Keyword] = {}
    issues = []
    for name, (path, keyword) in _WORD_LISTS.items():
        for n, word in enumerate(getattr(row, name)):
            where, folded = f"{path}[{n}]", fold(word)
            meaning = find_keyword(word, languages=row.languages) or meanings.get(folded, keyword)
            meanings.setdefault(folded, keyword)
            if not folded or len(word) > MAX_WORD:
                sentence = f"A word has 1 to {MAX_WORD} characters, one of them a letter or digit."
                issues.append(Issue(where, "invalid_value", sentence))
            elif meaning is not keyword:
                sentence = f"{word!r} means {meaning.upper()} already."
                issues.append(Issue(where, "conflict", sentence))
    return issues
