import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    NumberParseException,
    PhoneMetadata,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
)

from devices.numbers import (
    MAX_INPUT_LENGTH,
    InvalidNumber,
    country_of,
    is_short_code,
    parse_number,
    parse_sender,
)

CALLING_CODES = sorted(COUNTRY_CODE_TO_REGION_CODE)
COUNTRIES = sorted(phonenumbers.SUPPORTED_REGIONS)
EXAMPLES = [
    (country, number)
    for country in COUNTRIES
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
    if (number := phonenumbers.example_number_for_type(country, kind))
]


def ours(raw, country):
    try:
        return parse_number(raw, country)
    except InvalidNumber:
        return None


def library(raw, country):
    """Return the E.164 form by the library alone, or None for what is no whole number."""
    try:
        number = phonenumbers.parse(raw, country)
    except NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def national_prefix_pattern(calling_code):
    region = COUNTRY_CODE_TO_REGION_CODE[calling_code][0]
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(calling_code, region)
    assert metadata is not None
    return metadata.national_prefix_for_parsing or ""


@st.composite
def international_numbers(draw):
    """Any digits behind any calling code, often led by what its parser may strip or rewrite."""
    code = draw(st.sampled_from(CALLING_CODES))
    prefix = draw(
        st.one_of(
            st.just(""),
            st.sampled_from(["0", "00", "1", "8", "9", "15"]),
            st.from_regex(national_prefix_pattern(code), fullmatch=True, alphabet="0123456789"),
        )
    )
    rest = draw(st.text("0123456789", min_size=1, max_size=15))
    return f"+{code}{prefix}{rest}"


@settings(max_examples=2000, deadline=None)
@given(international_numbers(), st.sampled_from([*COUNTRIES, "ZZ"]))
@example("+4402079460018", "SG")
@example("+5401123456789", "SG")
@example("+5491123456789", "SG")
@example("+541115234567890", "SG")
@example("+378912345", "SG")
@example("+390236618300", "SG")
@example("+390000000", "SG")
@example("+12015550123", "SG")
@example("+112015550123", "SG")
@example("+80012345678", "SG")
@example("+99912345678", "SG")
def test_parse_number_international_equals_the_library(raw, country):
    assert ours(raw, country) == library(raw, country)


@pytest.mark.parametrize("calling_code", CALLING_CODES)
def test_parse_number_each_first_digit_and_length_equals_the_library(calling_code):
    numbers = [
        f"+{calling_code}{f'{first}52637481592637485'[:length]}"
        for first in range(10)
        for length in range(2, 18)
    ]
    assert [ours(raw, "SG") for raw in numbers] == [library(raw, "SG") for raw in numbers]


@pytest.mark.parametrize(
    "format_",
    [PhoneNumberFormat.E164, PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL],
)
def test_parse_number_example_of_each_country_is_its_e164(format_):
    written = {
        (country, phonenumbers.format_number(number, format_)): phonenumbers.format_number(
            number, PhoneNumberFormat.E164
        )
        for country, number in EXAMPLES
    }
    assert {(country, raw): ours(raw, country) for country, raw in written} == written


def test_parse_number_stored_form_needs_no_library_parse(monkeypatch):
    stored = [phonenumbers.format_number(number, PhoneNumberFormat.E164) for _, number in EXAMPLES]

    def refuse(raw, country):
        raise AssertionError(f"{raw} took the slow way")

    monkeypatch.setattr(phonenumbers, "parse", refuse)
    assert [parse_number(number, "SG") for number in stored] == stored


@pytest.mark.parametrize(
    ("raw", "country", "stored"),
    [
        ("+6581230000", "US", "+6581230000"),
        ("8123 0000", "SG", "+6581230000"),
        (" 8123-0000 ", "SG", "+6581230000"),
        ("6581230000", "SG", "+6581230000"),
        ("(020) 7946.0018", "GB", "+442079460018"),
        ("+44 (0)20 7946 0018", "SG", "+442079460018"),
        ("0065 8123 0000", "DE", "+6581230000"),
        ("011 65 8123 0000", "US", "+6581230000"),
        ("８１２３００００", "SG", "+6581230000"),
        ("＋６５８１２３００００", "US", "+6581230000"),
        ("٠٥٠١٢٣٤٥٦٧", "AE", "+971501234567"),
        ("0 11 15 2345-6789", "AR", "+5491123456789"),
        ("06 1234 5678", "IT", "+390612345678"),
        ("51234", "FK", "+50051234"),  # a whole number of the Falklands
        ("82464", "FK", "+50082464"),  # in no assigned range, but as long as a mobile number
        ("312345", "AD", "+376312345"),
        ("1513214", "DE", "+491513214"),  # in no assigned range, but too long for a short code
        ("+1 242 555 0100", "US", "+12425550100"),  # possible, though no assigned range
    ],
)
def test_parse_number_written_form_is_stored_as_e164(raw, country, stored):
    assert parse_number(raw, country) == stored


@pytest.mark.parametrize(
    ("raw", "country", "stored"),
    [
        ("72227", "US", "72227"),
        ("72 227", "US", "72227"),
        ("７２２２７", "US", "72227"),
        ("911", "US", "911"),
        ("78070", "GB", "78070"),
        ("72227", "DE", "72227"),  # as long as a possible number, but none is so short in use
        ("499721", "DE", "499721"),
        ("77222", "SG", "77222"),
        ("000", "AU", "000"),
        ("19123456", "AU", "19123456"),  # in the library's metadata of short numbers
        ("1234567", "SG", "1234567"),  # no Singapore number has seven digits
    ],
)
def test_parse_number_short_code_is_kept_as_digits(raw, country, stored):
    assert parse_number(raw, country) == stored


def test_parse_number_bare_digits_follow_the_country():
    answers = [ours("2025550123", country) for country in ("US", "EG", "SG", "DE")]
    assert answers == ["+12025550123", "+202025550123", "+652025550123", "+492025550123"]


INTERNATIONAL = "Write the number with + and the country calling code."


@pytest.mark.parametrize(
    ("raw", "country", "sentence"),
    [
        ("", "SG", f"This is not a phone number. {INTERNATIONAL}"),
        ("+", "SG", f"This is not a phone number. {INTERNATIONAL}"),
        ("81@30000", "SG", f"This is not a phone number. {INTERNATIONAL}"),
        ("8123\ud8000000", "SG", f"This is not a phone number. {INTERNATIONAL}"),
        (
            "+99912345678",
            "SG",
            f"The country calling code is missing or unknown. {INTERNATIONAL}",
        ),
        ("81230000", "ZZ", f"The country calling code is missing or unknown. {INTERNATIONAL}"),
        ("12", "SG", f"The number has too few digits. {INTERNATIONAL}"),
        ("+65812300", "SG", f"The number has too few digits. {INTERNATIONAL}"),
        ("+65812300001", "SG", f"No number there has this many digits. {INTERNATIONAL}"),
        (
            "+65812300001234",
            "SG",
            "The number has too many digits. Check it, and give one number at a time.",
        ),
        (
            "8123 0000 / 8123 0001",
            "SG",
            "The number has too many digits. Check it, and give one number at a time.",
        ),
        (
            "+6581230000" + " " * (MAX_INPUT_LENGTH - 10),
            "SG",
            "The number has too many digits. Check it, and give one number at a time.",
        ),
        ("5550123", "US", "The area code is missing. Write the number in full."),
        ("+1 555 0123", "SG", "The area code is missing. Write the number in full."),
        (
            "1-800-FLOWERS",
            "US",
            "A recipient is written in digits. Leave out letters and extensions.",
        ),
        (
            "8123 0000 ext. 5",
            "SG",
            "A recipient is written in digits. Leave out letters and extensions.",
        ),
        (
            "+65 8123 0000,, 5",
            "SG",
            "An extension cannot receive texts. Give the number without it.",
        ),
        (
            "*123#",
            "SG",
            "Codes with * or # are dialled and cannot receive texts. Give a phone number.",
        ),
        (
            "＊１２３＃",
            "SG",
            "Codes with * or # are dialled and cannot receive texts. Give a phone number.",
        ),
    ],
)
def test_parse_number_refusal_says_what_to_do(raw, country, sentence):
    with pytest.raises(InvalidNumber) as refusal:
        parse_number(raw, country)
    assert str(refusal.value) == sentence


def test_parse_number_longest_input_is_read():
    raw = "+6581230000".ljust(MAX_INPUT_LENGTH)
    assert parse_number(raw, "SG") == "+6581230000"


@pytest.mark.parametrize(
    ("raw", "sender"),
    [
        ("+6581230000", "+6581230000"),
        ("81230000", "+6581230000"),
        ("72227", "72227"),
        ("DBS-Bank", "DBS-Bank"),
        ("  DBS-Bank  ", "DBS-Bank"),
        ("*123#", "*123#"),
        ("", ""),
        ("A" * 40, "A" * 32),
        ("9" * 40, "9" * 32),
    ],
)
def test_parse_sender_is_the_stored_number_or_the_text(raw, sender):
    assert parse_sender(raw, "SG") == sender


@settings(deadline=None)  # a country's metadata is loaded when it is first met
@given(
    st.one_of(st.text(), st.text("0123456789+*#;,.x/ ～٠①²\ud800\u200b\x00", max_size=32)),
    st.sampled_from([*COUNTRIES, "ZZ", ""]),
)
def test_parse_sender_any_text_is_a_number_or_the_text_cut(raw, country):
    expected = ours(raw, country)
    assert parse_sender(raw, country) == (raw.strip()[:32] if expected is None else expected)


@settings(deadline=None)
@given(
    st.text("0123456789+() -.０١", max_size=MAX_INPUT_LENGTH),
    st.sampled_from(COUNTRIES),
)
def test_parse_number_any_digits_are_a_short_code_or_the_library_answer(raw, country):
    stored = ours(raw, country)
    digits = phonenumbers.normalize_digits_only(raw)
    expected = digits if stored and is_short_code(stored) else library(raw, country)
    assert stored == expected


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("123", True),
        ("12345678", True),
        ("12", False),
        ("123456789", False),
        ("+6581230000", False),
        ("DBS-Bank", False),
        ("１２３", False),
        ("123\n", False),
        ("", False),
    ],
)
def test_is_short_code_is_three_to_eight_digits(number, answer):
    assert is_short_code(number) == answer


def test_country_of_example_numbers_equals_the_library():
    found = {
        phonenumbers.format_number(number, PhoneNumberFormat.E164): (
            phonenumbers.region_code_for_number(number)
        )
        for _, number in EXAMPLES
    }
    assert {number: country_of(number) for number in found} == found


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+6581230000", "SG"),
        ("+12042345678", "CA"),
        ("+14155552671", "US"),
        ("+491234", "DE"),  # possible, though shorter than any in use
        ("+15550123456", None),
        ("+80012345678", None),
        ("+99912345678", None),
        ("72227", None),
        ("DBS-Bank", None),
        ("", None),
    ],
)
def test_country_of_number_is_its_country_where_one_is_known(number, country):
    assert country_of(number) == country
