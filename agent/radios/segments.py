"""Into how many parts a phone cuts a text (3GPP TS 23.038 §6.1-6.2, TS 23.040 §9.2.3.24)."""

GSM7_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = frozenset("^{}\\[~]|€\f")  # an escape and the character: two septets


def fits_gsm7(text: str) -> bool:
    """Whether the GSM 7-bit alphabet and its extension have every character."""
    return (GSM7_BASIC | GSM7_EXTENSION).issuperset(text)


def count_segments(text: str) -> int:
    """160 septets fit into one part, 153 into each of several; 70 and 67 units of UCS-2.

    A character that takes two septets or two UTF-16 units is never cut between two parts.
    """
    if fits_gsm7(text):
        widths = [2 if character in GSM7_EXTENSION else 1 for character in text]
        single, multi = 160, 153
    else:
        widths = [2 if ord(character) > 0xFFFF else 1 for character in text]
        single, multi = 70, 67
    if sum(widths) <= single:
        return 1
    parts, used = 1, 0
    for width in widths:
        if used + width > multi:
            parts, used = parts + 1, 0
        used += width
    return parts
