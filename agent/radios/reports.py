"""What the network's status (TP-Status) says of a text: 3GPP TS 23.040 §9.2.3.15."""

from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["delivered", "undelivered", "waiting"]


def verdict_of(status: int) -> Verdict:
    """0x00-0x1F: received. 0x20-0x3F: the network is still trying. 0x40-0x7F: it gave up.

    The rest is reserved, and proves nothing.
    """
    if status < 0x20:
        return "delivered"
    return "undelivered" if 0x40 <= status < 0x80 else "waiting"


def verdict_of_word(word: str) -> Verdict:
    """The same for the words of ModemManager, such as `temporary-error-sme-busy`."""
    if word.startswith("completed"):
        return "delivered"
    is_final = word.startswith(("error", "temporary-fatal-error", "network-problem"))
    return "undelivered" if is_final else "waiting"
