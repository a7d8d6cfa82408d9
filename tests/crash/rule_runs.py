"""Runs of rules, as `rules.services.reactions` leaves them.

`python -m tests.crash.rule_runs DEVICE_ID TEXT COUNT KIND...` stores some in the environment's
database, each of another sender and with actions of the kinds, queues the task of each twice, and
prints their ids as JSON. TEXT and a number is what replies say, forwards add and e-mails are about.
"""

import sys
from collections.abc import Sequence
from zlib import crc32

import django
import msgspec

FORWARD_TO = "+6589990000"


def store_run(device_id: str, text: str, kinds: Sequence[str]) -> int:
    """Store the run of one inbound text and queue its task twice."""
    from accounts.ids import decode_id  # noqa: PLC0415 - after setup
    from devices.models import Device  # noqa: PLC0415 - after setup
    from messaging.models import Group  # noqa: PLC0415 - after setup
    from messaging.tests.factories import MessageFactory  # noqa: PLC0415 - after setup
    from rules.models import RuleAction, RuleRun  # noqa: PLC0415 - after setup
    from rules.tasks import perform  # noqa: PLC0415 - after setup

    device = Device.objects.get(public_id=decode_id(Device.ID_PREFIX, device_id))
    group, _ = Group.objects.get_or_create(tenant=device.tenant, name="Customers")
    sender = f"+658{crc32(text.encode()) % 10**7:07}"
    payloads = {
        "reply": {"to": sender, "text": text},
        "forward": {"to": FORWARD_TO, "text": f"Forwarded: {text}"},
        "email": {"to": "shop@example.com", "subject": text, "body": sender},
        "add_to_group": {"group_id": group.pk},
        "opt_out": {},
    }
    message = MessageFactory(inbound=True, device=device, sender=sender)
    run = RuleRun.objects.create(tenant=device.tenant, message=message, sender=sender)
    RuleAction.objects.bulk_create(
        RuleAction(run=run, kind=kind, payload=payloads[kind]) for kind in kinds
    )
    for _ in range(2):
        perform.delay(run.pk)
    return run.pk


if __name__ == "__main__":
    django.setup()
    device_id, text, count, *kinds = sys.argv[1:]
    stored = [store_run(device_id, f"{text} {number}", kinds) for number in range(int(count))]
    sys.stdout.write(msgspec.json.encode(stored).decode())
