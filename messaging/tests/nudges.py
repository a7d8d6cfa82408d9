"""What goes over Redis to the processes that hold phones' sockets."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from channels.layers import get_channel_layer

from devices.models import Device
from devices.wakeup import group_of


class NudgeListener:
    """Stands in for such a process."""

    def __init__(self, runner: asyncio.Runner, channel: str) -> None:
        self._runner, self._channel = runner, channel

    def next(self) -> int:
        """The id of the next device that is to be woken; raises TimeoutError after 5 s."""
        message = self._runner.run(
            asyncio.wait_for(get_channel_layer().receive(self._channel), timeout=5)
        )
        assert message["type"] == "pull"
        return message["device_id"]


@contextmanager
def listening_for(*devices: Device) -> Iterator[NudgeListener]:
    """A listener to the nudges of `devices`."""
    layer = get_channel_layer()
    with asyncio.Runner() as runner:
        channel = runner.run(layer.new_channel())
        for device in devices:
            runner.run(layer.group_add(group_of(device.tenant_id, device.pk), channel))
        yield NudgeListener(runner, channel)
