"""A business with something on every page: a month of texts, conversations, rules, webhooks.

`fill()` runs in `manage.py shell` of a fresh gateway whose phones are paired (office.py).
"""

import json
import random
import sys
import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from accounts.ids import first_id_of, new_id
from accounts.models import Membership, Tenant
from accounts.services.invitations import invite
from devices.models import Device, Sim
from devices.tests.factories import DeviceFactory
from messaging.models import CannedReply, ContactImport, Conversation, Message
from messaging.services.conversations import add_note, mark_read, record_inbound
from messaging.services.directory import ContactDetails, create_contact, create_group
from messaging.states import Status
from messaging.tests.factories import OptOutFactory
from rules.models import RuleAction, RuleRun
from rules.services.rules import create_rule
from rules.wishes import RuleWish
from tests.browser.bakery_systems import add_ingress, add_webhooks

HISTORY = timedelta(days=30)
# Texts in an hour of the day, from midnight on.
HOURLY = [0, 0, 0, 0, 0, 1, 4, 9, 12, 11, 9, 8, 10, 8, 7, 7, 9, 10, 6, 3, 2, 1, 0, 0]
TEXTS = (
    "Your order {} is ready for pick-up until 18:00.",
    "Order {} has left the bakery and arrives before noon.",
    "Thank you for order {}. We tell you when it is ready.",
    "Reminder: order {} is due tomorrow at 8:00.",
)
FAILURES = (
    ("undelivered", "The network could not deliver it."),
    ("invalid_number", "The network does not know this number."),
    ("no_service", "The phone had no network."),
)
HOURS = "Corner Bakery is open 7:00 to 18:00."
# (number, contact, minutes since the first text, lines: "<" came in, ">" went out, "*" by a rule)
TALKS = (
    ("+6581230107", "", 2900, ["<Is the sourdough back?", ">Yes, from 11:00 today."]),
    (
        "+6581230142",
        "Market stall",
        1500,
        ["<20 more rolls on Sunday please", ">Noted: 60."],
    ),
    ("+6581230119", "", 410, ["<When are you open", f"*{HOURS}"]),
    (
        "+6581230166",
        "Hotel kitchen",
        190,
        [
            "<Can you deliver 120 croissants on Monday?",
            ">Yes. By 6:30 or by 7:00?",
            "<6:30 is better, at the back door",
            ">Booked: 120 croissants, Monday 6:30, back door.",
            "<Thank you! And 12 baguettes with it if possible",
        ],
    ),
    (
        "+6581230133",
        "",
        55,
        ["<What are your opening hours?", f"*{HOURS}"],
    ),
    ("+6581230158", "Café on the quay", 12, ["<Please leave out the rye bread this week"]),
)


class Bakery:
    """Fills `tenant`; the same each time but for the times, which end now."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant, self.now = tenant, timezone.now()
        self.random = random.Random(7)
        self.owner = Membership.objects.get(tenant=tenant, role=Membership.Role.OWNER)
        self.phones = list(Device.objects.of(tenant).order_by("pk"))

    def fill(self) -> dict[str, str]:
        """The ids, by the name that a path has for them."""
        self.tenant.name, self.tenant.default_country = "Corner Bakery", "SG"
        self.tenant.time_zone, self.tenant.onboarded_at = zone_of(self.now), self.now
        self.tenant.save()
        self._phones()
        failed = self._history()
        ids = self._people() | self._rules()
        self._talks()
        return (
            ids
            | add_webhooks(self.tenant)
            | add_ingress(self.tenant)
            | {
                "device": self.phones[0].external_id,
                "failed": failed.external_id,
            }
        )

    def _phones(self) -> None:
        for phone, sent, received in zip(self.phones, (2210, 954), (486, 201), strict=True):
            phones = Device.objects.filter(pk=phone.pk)
            phones.update(sent_count=sent, received_count=received)
        seen = self.now - timedelta(hours=3)
        office = DeviceFactory(
            tenant=self.tenant,
            name="Back office",
            kind=Device.Kind.ANDROID,
            is_online=False,
            last_seen_at=seen,
            battery=17,
        )
        for n, device in enumerate([*self.phones, office], start=1):
            Sim.objects.filter(device=device).update(
                number=f"+658123000{n}", carrier="Prepaid", segments_per_day=250
            )
        self.sims = [phone.sims.get() for phone in self.phones]

    def _history(self) -> Message:
        """Texts of customers, more than anybody reads; the last one that failed."""
        hour = (self.now - HISTORY).replace(minute=0, second=0, microsecond=0)
        texts, zone = [], ZoneInfo(self.tenant.time_zone)
        while hour < self.now:
            for _ in range(HOURLY[hour.astimezone(zone).hour]):
                at = hour + timedelta(seconds=self.random.randrange(3600))
                if at < self.now - timedelta(minutes=5):
                    texts.append(self._some_text(at))
            hour += timedelta(hours=1)
        Message.objects.bulk_create(texts)
        return [text for text in texts if text.status == Status.FAILED][-1]

    def _some_text(self, at: datetime) -> Message:
        kind, customer = self.random.random(), f"+65812{self.random.randrange(31000, 39000)}"
        if kind < 0.18:
            return self._text("<Thank you", customer, at)
        order = self.random.randrange(4100, 4900)
        message = self._text(">" + self.random.choice(TEXTS).format(order), customer, at)
        message.origin, message.ref = Message.Origin.API, f"order-{order}"
        if kind > 0.975:
            code, error = self.random.choice(FAILURES)
            message.status, message.error_code, message.error = Status.FAILED, code, error
            message.delivered_at, message.failed_at = None, at
        elif kind > 0.93:
            message.status, message.delivered_at = Status.SENT, None
        return message

    def _text(self, line: str, number: str, at: datetime) -> Message:
        """A row that is not saved: inbound, or delivered."""
        sim = self.sims[self.random.random() < 0.3]
        message = Message(
            tenant=self.tenant,
            public_id=uuid.UUID(int=first_id_of(at).int | self.random.getrandbits(64)),
            created_at=at,
            device=sim.device,
            sim=sim,
            text=line[1:],
            encoding="gsm7",
            segments=1,
        )
        if line[0] == "<":
            message.direction, message.status = Message.Direction.INBOUND, Status.RECEIVED
            message.origin = Message.Origin.PHONE
            message.sender, message.recipient = number, sim.number
            return message
        message.direction, message.status = Message.Direction.OUTBOUND, Status.DELIVERED
        message.origin = Message.Origin.RULE if line[0] == "*" else Message.Origin.DASHBOARD
        message.recipient, message.sender = number, sim.number
        message.leased_at = at
        message.sent_at = at + timedelta(seconds=self.random.uniform(1, 4))
        message.delivered_at = message.sent_at + timedelta(seconds=2)
        return message

    def _people(self) -> dict[str, str]:
        group = create_group(tenant=self.tenant, name="Wholesale")
        for number, name, _, _ in TALKS:
            if name:
                details = ContactDetails(number, name, {"delivery": "6:30"}, [group])
                contact = create_contact(tenant=self.tenant, details=details)
        OptOutFactory(tenant=self.tenant, number="+6581230177")
        for title, text in (
            ("Opening hours", "We are open 7:00 to 18:00, Sundays to 13:00."),
            ("Order noted", "Thank you, your order is noted."),
        ):
            CannedReply.objects.create(tenant=self.tenant, title=title, text=text)
        invite(actor=self.owner, email="orders@example.com", role=Membership.Role.OPERATOR)
        pending = ContactImport.objects.create(
            tenant=self.tenant,
            created_by=self.owner.user,
            file_name="customers.csv",
            rows=[["+6581230181", "Canteen", {}], ["+6581230182", "Kiosk", {}]],
            refused=[[4, "“12” is no number."]],
        )
        return {
            "contact": contact.external_id,
            "group": group.external_id,
            "import": pending.external_id,
            "number": TALKS[3][0],
        }

    def _rules(self) -> dict[str, str]:
        wishes = (
            RuleWish(
                name="Opening hours",
                match_type="regex",
                pattern=r"\b(open|hours)\b",
                reply_enabled=True,
                reply_template="{{tenantName}} is open 7:00 to 18:00, Sundays to 13:00.",
                cool_down_seconds=3600,
            ),
            RuleWish(
                name="Wholesale orders",
                match_type="contains",
                pattern="croissants",
                email="orders@example.com",
            ),
            RuleWish(name="Price list", match_type="exact", pattern="prices", is_enabled=False),
        )
        made = [
            create_rule(tenant=self.tenant, wish=wish, actor=self.owner.user) for wish in wishes
        ]
        self.rule = made[0]
        return {"rule": self.rule.external_id}

    def _talks(self) -> None:
        for number, _, minutes, lines in TALKS:
            for n, line in enumerate(lines):
                at = self.now - timedelta(minutes=minutes - 3 * n, seconds=17 * n)
                message = self._text(line, number, at)
                message.save()
                if line[0] == "<":
                    record_inbound(message)
                    asked = message
                    continue
                mark_read(tenant=self.tenant, number=number, seen=message.public_id)
                Conversation.objects.filter(tenant=self.tenant, number=number).update(
                    activity_id=message.public_id,
                    last_message_at=at,
                    last_direction=Message.Direction.OUTBOUND,
                    last_text=line[1:],
                )
                if line[0] == "*":
                    self._run(asked, message)
        mark_read(tenant=self.tenant, number=TALKS[3][0], seen=new_id())
        note = "Invoice at the end of the month."
        add_note(tenant=self.tenant, number=TALKS[3][0], author=self.owner.user, text=note)

    def _run(self, asked: Message, answer: Message) -> None:
        run = RuleRun.objects.create(
            tenant=self.tenant,
            rule=self.rule,
            rule_name=self.rule.name,
            message=asked,
            sender=asked.sender,
            created_at=asked.created_at,
        )
        RuleAction.objects.create(
            run=run,
            kind=RuleAction.Kind.REPLY,
            payload={"to": asked.sender, "text": answer.text},
            status=RuleAction.Status.DONE,
            attempts=1,
            next_attempt_at=None,
            finished_at=answer.created_at,
            result=answer.external_id,
        )


def zone_of(now: datetime) -> str:
    """Where it is the afternoon now, so that no picture depends on when it was taken.

    Such a zone's sign is that of POSIX: Etc/GMT+5 is five hours behind UTC.
    """
    return f"Etc/GMT{max(now.hour - 16, -14):+d}"


def fill() -> None:
    """Fill the first account, and print as JSON the ids that paths of pages need (pages.py)."""
    sys.stdout.write(json.dumps(Bakery(Tenant.objects.earliest("pk")).fill()) + "\n")
