"""The SIMs of a phone, as the phone lists them and as people limit them."""

from dataclasses import dataclass

from devices.models import Device, Sim
from devices.numbers import parse_sender


@dataclass(frozen=True, slots=True)
class SimReport:
    """One SIM as its phone describes it; `slot` counts from 1."""

    slot: int
    number: str = ""
    carrier: str = ""


def store_sims(*, device: Device, sims: tuple[SimReport, ...]) -> None:
    """Make the device's SIMs those that the phone lists; limits of a known slot stay.

    A SIM that is gone is only marked so: its limits are waiting when it comes back.
    """
    for sim in sims:
        number = parse_sender(sim.number, device.tenant.default_country) if sim.number else ""
        told = {
            name: value[:60]
            for name, value in (("number", number[:32]), ("carrier", sim.carrier))
            if value
        }
        Sim.objects.update_or_create(
            device=device,
            slot=sim.slot,
            defaults={**told, "is_present": True},
            create_defaults={**told, "tenant_id": device.tenant_id},
        )
    if sims:
        gone = device.sims.exclude(slot__in=[sim.slot for sim in sims])
        gone.update(is_present=False)
