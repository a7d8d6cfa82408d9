"""What a batch of reports tells of its phone, rather than of messages."""

from __future__ import annotations

from collections import Counter

from devices.models import Device
from devices.services.failures import (
    CANNOT_SEND,
    LIMIT_EXCEEDED,
    record_limit_hits,
    record_unable,
)


class PhoneHealth:
    """Collects while reports are applied, in their order, and hands down what came together."""

    def __init__(self) -> None:
        self._limit_hits: Counter[int] = Counter()  # by SIM
        self._unable: list[str] = []  # codes since something was sent

    def note_sent(self) -> None:
        self._unable.clear()

    def note_failed(self, code: str, sim_id: int | None) -> None:
        if code == LIMIT_EXCEEDED and sim_id is not None:
            self._limit_hits[sim_id] += 1
        elif code in CANNOT_SEND:
            self._unable.append(code)

    def tell(self, device: Device) -> None:
        """Hand it down, if there is anything: most phones are well."""
        if self._limit_hits:
            record_limit_hits(device=device, hits=self._limit_hits)
        if self._unable:
            record_unable(device=device, codes=self._unable)
