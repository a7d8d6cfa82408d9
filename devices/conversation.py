"""What a phone says and what it is answered, whatever carries the frames.

Synchronous: a socket lets it run on a thread (`hub.run`), a request is on one already.
"""

from typing import Any, ClassVar

import msgspec
from django.conf import settings

from devices.frames import (
    Ack,
    HeartbeatIn,
    Hello,
    Pull,
    Settings,
    SettingsFrame,
    SimSettings,
    Welcome,
    storable,
)
from devices.models import Device
from devices.services.presence import Introduction, record_heartbeat, record_introduction


class DeviceConversation:
    """With one phone. Subclasses add frame types to `frames` and `on_<type>` methods.

    A method stores the fact that its frame carries and returns the frames that answer it.
    """

    frames: ClassVar[dict[str, type[Any]]] = {
        "hello": Hello,
        "heartbeat": HeartbeatIn,
        "pull": Pull,
    }

    def __init__(self, device: Device) -> None:
        self.device = device
        # The settings that the phone knows, as far as this conversation goes.
        self._told: Settings | None = None

    def answer(self, kind: str, frame: Any) -> list[msgspec.Struct]:
        """What `frame`, which is of the type `kind`, is answered; durable when this returns."""
        answers: list[msgspec.Struct] = getattr(self, "on_" + kind.replace(".", "_"))(frame)
        return answers

    def on_hello(self, frame: Hello) -> list[msgspec.Struct]:
        sims = tuple(sim.report() for sim in frame.sims)
        introduction = Introduction(str(frame.app), storable(frame.model or ""), sims)
        record_introduction(device=self.device, introduction=introduction)
        self.greet(frame)
        self._told = phone_settings_for(device=self.device)
        return [Welcome(frame.id, self.device.external_id, self.device.name, self._told)]

    def greet(self, frame: Hello) -> None:
        """What else a phone that connects brings about, before it is welcomed."""

    def on_heartbeat(self, frame: HeartbeatIn) -> list[msgspec.Struct]:
        record_heartbeat(device=self.device, vitals=frame.vitals())
        answers: list[msgspec.Struct] = [Ack(frame.id)]
        phone_settings = phone_settings_for(device=self.device)
        if phone_settings != self._told:
            self._told = phone_settings
            answers.append(SettingsFrame(phone_settings))
        return answers

    def on_pull(self, frame: Pull) -> list[msgspec.Struct]:
        """Whoever carries the frames looks for due work."""
        return []


def phone_settings_for(*, device: Device) -> Settings:
    """What a phone needs to know to pace itself, as the `settings` of `welcome`."""
    sims = device.sims.filter(is_present=True)
    return Settings(
        heartbeat_seconds=settings.DEVICE_HEARTBEAT_SECONDS,
        window_per_sim=settings.DEVICE_WINDOW_PER_SIM,
        sims=[SimSettings(sim.slot, sim.min_gap_ms, sim.jitter_ms) for sim in sims],
    )
