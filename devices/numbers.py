"""Phone numbers as people write them, and the one form in which they are stored.

A number is stored in E.164 (ITU-T E.164: `+`, country calling code, national number) and a short
code as its bare 3 to 8 digits. What is a number, and in which country, is the answer of the
`phonenumbers` library. Numbers need only be possible (by their length), not in an assigned range,
because new ranges are in use before the library's metadata has them.

A country is an ISO 3166-1 alpha-2 code in upper case. Numbers without a calling code are read in
the country that the caller names, which is its tenant's.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    NumberParseException,
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
)

MAX_INPUT_LENGTH = 32  # characters: any number with its separators, and no work for an attacker

_INTERNATIONAL = "Write the number with + and the country calling code."
_NOT_A_NUMBER = f"This is not a phone number. {_INTERNATIONAL}"
_NO_COUNTRY = f"The country calling code is missing or unknown. {_INTERNATIONAL}"
_TOO_SHORT = f"The number has too few digits. {_INTERNATIONAL}"
_TOO_LONG = "The number has too many digits. Check it, and give one number at a time."
_HAS_LETTERS = "A recipient is written in digits. Leave out letters and extensions."
_HAS_EXTENSION = "An extension cannot receive texts. Give the number without it."
_IS_USSD = "Codes with * or # are dialled and cannot receive texts. Give a phone number."

_PARSE_FAILURES = {
    NumberParseException.INVALID_COUNTRY_CODE: _NO_COUNTRY,
    NumberParseException.NOT_A_NUMBER: _NOT_A_NUMBER,
    NumberParseException.TOO_SHORT_AFTER_IDD: _TOO_SHORT,
    NumberParseException.TOO_SHORT_NSN: _TOO_SHORT,
    NumberParseException.TOO_LONG: _TOO_LONG,
}
_IMPOSSIBLE = {
    ValidationResult.INVALID_COUNTRY_CODE: _NO_COUNTRY,
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "The area code is missing. Write the number in full.",
    ValidationResult.TOO_SHORT: _TOO_SHORT,
    ValidationResult.INVALID_LENGTH: f"No number there has this many digits. {_INTERNATIONAL}",
    ValidationResult.TOO_LONG: _TOO_LONG,
}

# Shorter and longer than E.164 allows, as some possible numbers of Germany or Indonesia are.
_is_international = re.compile(r"\+[1-9][0-9]{4,19}").fullmatch
_is_short_code = re.compile(r"[0-9]{3,8}").fullmatch


class InvalidNumber(ValueError):
    """Nothing that an SMS can be sent to. The message is a sentence that says what to do."""


def parse_number(raw: str, country: str) -> str:
    """Return the stored form of a recipient: `+6581230000`, or a short code such as `72227`.

    `raw` may have separators, a national or an international dialling prefix, or digits of any
    script. Raise `InvalidNumber` for anything else.

    Most numbers of a large batch come in the stored form already, and the library's parsing would
    be the dearest step of queueing them. So a number that the library provably leaves as it is
    gets a short way round it; the test compares the two.
    """
    if _is_international(raw) and _is_unchanged(raw):
        return raw
    return _parse_with_library(raw, country)


def parse_sender(raw: str, country: str) -> str:
    """Return an inbound sender in its stored form; never raise.

    What is no number, such as the alphanumeric `DBS-Bank`, comes back as it is, without the
    spaces around it and cut to 32 characters.
    """
    try:
        return parse_number(raw, country)
    except InvalidNumber:
        return raw.strip()[:MAX_INPUT_LENGTH]


def is_short_code(number: str) -> bool:
    """Tell whether a stored number is a short code."""
    return _is_short_code(number) is not None


def country_of(e164: str) -> str | None:
    """Return the country of a stored number, or None if it has none that the metadata knows.

    Those are short codes, alphanumeric senders, satellite and other worldwide numbers, and
    unassigned ranges of a calling code that several countries share.
    """
    plan = _numbering_plan(e164[1:4]) if _is_international(e164) else None
    if plan is None or plan.regions == (phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY,):
        return None
    if len(plan.regions) == 1:
        return plan.regions[0]
    return phonenumbers.region_code_for_number(phonenumbers.parse(e164, None))


class _NumberingPlan(NamedTuple):
    """What the library's parser asks of a calling code, for numbers as `+`, code and digits."""

    regions: tuple[str, ...]
    national_start: int  # index of the national number's first digit
    lengths: frozenset[int]  # of the whole number, local-only ones left out
    match_prefix: Callable[[str], re.Match[str] | None]  # national prefixes that it may strip


@cache  # at most one entry for each three digits
def _numbering_plan(digits: str) -> _NumberingPlan | None:
    """Return the plan of the calling code that starts `digits`, the three after the `+`."""
    for size in (1, 2, 3):
        code = int(digits[:size])
        if regions := COUNTRY_CODE_TO_REGION_CODE.get(code):
            break
    else:
        return None
    # The first region is the main one, whose metadata the parser uses for all that share a code.
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, regions[0])
    if metadata is None or metadata.general_desc is None:
        return None
    start = 1 + size
    lengths = frozenset(start + length for length in metadata.general_desc.possible_length)
    never = "(?!)"
    prefix = re.compile(metadata.national_prefix_for_parsing or never)
    return _NumberingPlan(regions, start, lengths, prefix.match)


def _is_unchanged(number: str) -> bool:
    """Tell whether the library surely parses and formats `number` to itself.

    The parser changes a number with a known calling code only by stripping or rewriting a
    national prefix, such as the 0 in +44 0 20. An empty match strips nothing.
    """
    plan = _numbering_plan(number[1:4])
    if plan is None or len(number) not in plan.lengths:
        return False
    prefix = plan.match_prefix(number[plan.national_start :])
    return prefix is None or prefix.end() == 0


def _parse_with_library(raw: str, country: str) -> str:
    _refuse_what_is_no_number(raw)
    try:
        number = phonenumbers.parse(raw, country)
    except NumberParseException as error:
        raise InvalidNumber(_PARSE_FAILURES[error.error_type]) from error
    if number.extension:
        raise InvalidNumber(_HAS_EXTENSION)
    digits = phonenumbers.normalize_digits_only(raw)
    if _is_read_as_short_code(number, digits, country):
        return digits
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != ValidationResult.IS_POSSIBLE:
        raise InvalidNumber(_IMPOSSIBLE[reason])
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _refuse_what_is_no_number(raw: str) -> None:
    """Refuse what the library would take for a number: vanity letters and the like."""
    if len(raw) > MAX_INPUT_LENGTH:
        raise InvalidNumber(_TOO_LONG)
    if any(character.isalpha() for character in raw):
        raise InvalidNumber(_HAS_LETTERS)
    if any(character in "*#＊＃" for character in raw):
        raise InvalidNumber(_IS_USSD)


def _is_read_as_short_code(number: PhoneNumber, digits: str, country: str) -> bool:
    """Decide whether `digits`, all that were written, are a short code rather than a number.

    The metadata lacks many commercial short codes, and in countries such as Germany a number of
    five digits is possible. So up to six digits are a short code unless they are a valid number or
    as long as the country's mobile numbers, and more only if they are no possible number.
    """
    if not is_short_code(digits) or digits != phonenumbers.national_significant_number(number):
        return False
    if phonenumbers.is_valid_short_number_for_region(number, country):
        return True
    if len(digits) > 6:
        return not phonenumbers.is_possible_number(number)
    return not (
        phonenumbers.is_valid_number(number)
        or phonenumbers.is_possible_number_for_type(number, PhoneNumberType.MOBILE)
    )
