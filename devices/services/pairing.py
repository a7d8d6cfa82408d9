"""From eight digits to a paired phone."""

import ipaddress
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.errors import RateLimited, TenantInactive
from accounts.limits import Kind, check_limit, has_room
from accounts.models import ApiKey, Membership, Tenant, User
from accounts.secrets import keyed_hash, new_token
from accounts.services.api_keys import NewApiKey, create_api_key
from accounts.services.audit import record_audit
from accounts.services.limits import Limit, spend
from accounts.upward import listeners
from devices.errors import InvalidPairingCode
from devices.events import DevicePaired, publish
from devices.models import Device, DeviceToken, PairingCode
from devices.queries import forget_phones
from devices.services.sims import SimReport, store_sims

CODE_DIGITS = 8
CODE_LIFETIME = timedelta(minutes=10)
SPENT_ARE_KEPT = timedelta(days=30)
# Guessing: five wrong codes from one address in ten minutes, and a thousand from everywhere, which
# against a hundred live codes is a chance of one in a thousand.
_GUESSES_OF_ADDRESS = Limit("pairing-guesses", 5, 600, fails_open=False)
_GUESSES_OF_ALL = Limit("pairing-guesses-all", 1000, 600, fails_open=False)
_CODES_OF_TENANT = Limit("pairing-codes", 30, 600)


@dataclass(frozen=True, slots=True)
class PhoneDescription:
    """What a phone says about itself when it pairs."""

    name: str = ""
    model: str = ""
    kind: str = Device.Kind.ANDROID
    app: str = ""
    sims: tuple[SimReport, ...] = ()


@dataclass(frozen=True, slots=True)
class PairedPhone:
    """A new device with the secrets that are shown this once (`once`: name -> secret)."""

    device: Device
    token: str
    once: dict[str, str] = field(default_factory=dict)


def create_pairing_code(*, tenant: Tenant, actor: User | None) -> tuple[PairingCode, str]:
    """A fresh code and its digits.

    Raises LimitReached, and RateLimited after 30 in ten minutes.
    """
    check_limit(tenant, Kind.PHONES, used=_phones_of(tenant).count())
    spend(_CODES_OF_TENANT, str(tenant.pk))
    with transaction.atomic():
        return _create_code(tenant, actor)


def _create_code(tenant: Tenant, actor: User | None) -> tuple[PairingCode, str]:
    now = timezone.now()
    PairingCode.objects.filter(used_at=None, expires_at__lte=now).delete()
    is_new = False
    while not is_new:  # another tenant's live code may have the same digits
        digits = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        code, is_new = PairingCode.objects.get_or_create(
            code_hash=keyed_hash(digits),
            used_at=None,
            defaults={"tenant": tenant, "expires_at": now + CODE_LIFETIME},
        )
    record_audit(tenant=tenant, actor=actor, action="pairing_code.created")
    return code, digits


def pairing_url(digits: str) -> str:
    """Where a phone or a person learns how to use the code; what the QR code holds."""
    return f"{settings.PUBLIC_URL}/pair?code={digits}"


def prune_spent_codes() -> int:
    """Delete codes that were used a month ago; returns how many."""
    deleted, _ = PairingCode.objects.filter(used_at__lt=timezone.now() - SPENT_ARE_KEPT).delete()
    return deleted


def pair_device(*, digits: str, phone: PhoneDescription, address: str) -> PairedPhone:
    """Spend the code `digits`, sent from the network address `address`, on a new device.

    The tenant's first phone also brings its first API key and what `FIRST_DEVICE_PROVISIONERS` add.
    Raises InvalidPairingCode, RateLimited after too many wrong guesses, TenantInactive,
    LimitReached; of the last two the code is not spent.
    """
    guesser = _subscriber_of(address)
    _refuse_guessing(guesser)
    with transaction.atomic():
        code = _claim(digits)
        if code is not None:
            return _pair(code, phone)
    spend(_GUESSES_OF_ADDRESS, guesser)
    spend(_GUESSES_OF_ALL, "all")
    raise InvalidPairingCode


def _subscriber_of(address: str) -> str:
    """An IPv4 address as it is; of IPv6 the /64, all of which belongs to one subscriber."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))


def _refuse_guessing(guesser: str) -> None:
    """Look without counting: who guessed too often may not even try."""
    for limit, subject in ((_GUESSES_OF_ADDRESS, guesser), (_GUESSES_OF_ALL, "all")):
        if spend(limit, subject, cost=0).remaining == 0:
            raise RateLimited(
                "Too many wrong pairing codes. Wait ten minutes.",
                headers={"Retry-After": str(limit.seconds)},
            )


def _claim(digits: str) -> PairingCode | None:
    """The live code behind `digits`, now used: a guarded UPDATE, so two phones can't both win."""
    now = timezone.now()
    live = PairingCode.objects.filter(used_at=None, expires_at__gt=now)
    code = live.filter(code_hash=keyed_hash(digits)).first()
    if code is None or not live.filter(pk=code.pk).update(used_at=now):
        return None
    return code


def _pair(code: PairingCode, phone: PhoneDescription) -> PairedPhone:
    # Of phones that pair at the same moment only one is the tenant's first.
    tenant = Tenant.objects.select_for_update(no_key=True).get(pk=code.tenant_id)
    if not tenant.is_active:
        raise TenantInactive
    check_limit(tenant, Kind.PHONES, used=_phones_of(tenant).count())
    is_first = not Device.objects.of(tenant).exists()
    device = Device.objects.create(
        tenant=tenant,
        name=phone.name or phone.model or "Phone",
        model=phone.model,
        kind=phone.kind,
        app=phone.app,
        is_default=not Device.objects.of(tenant).filter(is_default=True).exists(),
    )
    store_sims(device=device, sims=phone.sims or (SimReport(slot=1),))
    token = new_token(DeviceToken.PREFIX)
    DeviceToken.objects.create(device=device, token_hash=keyed_hash(token))
    code.device = device
    code.save(update_fields=["device"])
    record_audit(tenant=tenant, actor=None, action="device.paired", target=device.external_id)
    transaction.on_commit(forget_phones, robust=True)
    publish(DevicePaired(tenant.pk, device.pk, timezone.now()))
    return PairedPhone(device, token, _provision(tenant) if is_first else {})


def _phones_of(tenant: Tenant) -> QuerySet[Device]:
    """What counts as a phone of the tenant's."""
    return Device.objects.of(tenant).exclude(status=Device.Status.REVOKED)


def _provision(tenant: Tenant) -> dict[str, str]:
    """What comes with the first phone; the secrets by name."""
    once: dict[str, str] = {}
    for provision in listeners("FIRST_DEVICE_PROVISIONERS"):
        once |= provision(tenant=tenant)
    has_key = ApiKey.objects.filter(tenant=tenant).exists()
    if not has_key and has_room(tenant, Kind.API_KEYS, used=0):
        _, secret = create_api_key(tenant=tenant, new=NewApiKey("First key"), actor=None)
        once["api_key"] = secret
        transaction.on_commit(lambda: _mail_key(tenant, secret), robust=True)
    return once


def _mail_key(tenant: Tenant, secret: str) -> None:
    owners = User.objects.filter(
        memberships__tenant=tenant, memberships__role=Membership.Role.OWNER
    ).values_list("email", flat=True)
    EmailMessage(
        subject="Your SMS gateway's API key",
        body=(
            f"Your first phone is paired with {tenant.name}.\n\n"
            f"API key: {secret}\n\nIt cannot be shown again. API: {settings.PUBLIC_URL}/v1/docs\n"
        ),
        to=list(owners),
        headers={"Sensitivity": "Private"},  # RFC 4021: keeps the key off the console (mail.py)
    ).send()
