"""A phone at the services' door, for tests that need no socket."""

from devices.models import Device
from devices.tests.factories import DeviceFactory
from messaging.models import Message
from messaging.services.leases import Lease, lease_messages
from messaging.services.reports import Report, ReportKind, Verdict, record_reports
from messaging.tests.factories import MessageFactory


class Phone:
    """What a paired phone does, one line each."""

    def __init__(self, device: Device | None = None, **columns) -> None:
        self.device = device or DeviceFactory(**columns)

    def queue(self, **columns) -> Message:
        """A message that waits for this phone."""
        return MessageFactory(device=self.device, tenant=self.device.tenant, **columns)

    def pull(self) -> Lease:
        """Whatever is due."""
        return lease_messages(device_id=self.device.pk)

    def take(self, **columns) -> Message:
        """A message that was just offered to this phone."""
        message = self.queue(**columns)
        assert [offer.attempt_id for offer in self.pull().offers] == [message.attempt_id]
        message.refresh_from_db()
        return message

    def tell(self, kind: str, message: Message, *, attempt: int | None = None, **told) -> Verdict:
        """Report on an attempt, by default the one that `message` knows of; read it anew."""
        attempt_id = f"{message.external_id}.{attempt or message.attempt}"
        report = Report(ReportKind(kind), attempt_id, **told)
        (verdict,) = record_reports(device=self.device, reports=[report])
        message.refresh_from_db()
        return verdict
