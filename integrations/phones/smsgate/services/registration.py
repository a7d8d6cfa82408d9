"""From a pairing code to a phone with the app, and what it tells of itself at each start."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.db import transaction

from accounts.errors import Forbidden, InvalidInput
from accounts.secrets import decrypt, encrypt
from devices.frames import storable
from devices.models import Device
from devices.services.pairing import PhoneDescription, pair_device
from devices.services.presence import Introduction, record_introduction
from devices.services.sims import store_sims
from integrations.phones.smsgate.inputs import DeviceIn, StartedIn, sim_reports
from integrations.phones.smsgate.models import PairedApp
from integrations.phones.smsgate.services.presence import note_contact
from integrations.phones.smsgate.settings_document import settings_document, settings_hash
from integrations.phones.smsgate.versions import MINIMUM, version_of
from integrations.phones.smsgate.webhook_list import WebhookOut, webhook_list, webhooks_hash
from integrations.phones.smsgate.wire_ids import wire_device_id


@dataclass(frozen=True, slots=True)
class Registration:
    """What the app stores: its id, its token (shown this once), and a name to show."""

    id: str
    token: str
    login: str


@transaction.atomic
def register_phone(*, digits: str, told: DeviceIn, version: str, address: str) -> Registration:
    """Pair the phone that knows the code.

    What else comes with a tenant's first phone has no place in the app; its owners have the API key
    by mail. Raises what `pair_device` does, and InvalidInput for an app that is too old: of neither
    is the code spent.
    """
    if version_of(version) < MINIMUM:
        oldest = ".".join(map(str, MINIMUM))
        raise InvalidInput(f"This app is too old. Install SMSGate {oldest} or newer.")
    model = storable(told.name or "").strip()[:60]  # such as samsung/o1sxeea
    phone = PhoneDescription(
        name=model.replace("/", " "),
        model=model,
        kind=Device.Kind.ANDROID,
        app=app_name(version),
        sims=told.sims,
    )
    paired = pair_device(digits=digits, phone=phone, address=address)
    PairedApp.objects.create(
        device=paired.device,
        app_version=version,
        signing_key=encrypt(secrets.token_urlsafe(24)),
        push_token=_kept(told.push_token),
    )
    login = f"{paired.device.tenant.name} / {paired.device.name}"
    return Registration(wire_device_id(paired.device), paired.token, login)


@transaction.atomic
def update_phone(*, app: PairedApp, told: DeviceIn, version: str) -> None:
    """What the app tells at each start. Raises Forbidden when it means another phone.

    Without a push token it has none: it waits at its stream then.
    """
    if told.id != wire_device_id(app.device):
        raise Forbidden("This token belongs to another phone.")
    app.push_token, app.app_version = _kept(told.push_token), version
    app.save(update_fields=["push_token", "app_version"])
    introduction = Introduction(app=app_name(version), model="", sims=told.sims)
    record_introduction(device=app.device, introduction=introduction)
    note_contact(app, is_certain=True)


def note_start(app: PairedApp, started: StartedIn) -> None:
    """The one event that tells the SIMs' whole numbers."""
    store_sims(device=app.device, sims=sim_reports(started.sim_cards))


def tell_settings(app: PairedApp) -> dict[str, object]:
    """The settings document, which the app knows from now on."""
    sims = list(app.device.sims.filter(is_present=True))
    app.settings_told = settings_hash(sims)
    app.save(update_fields=["settings_told"])
    return settings_document(sims, signing_key=decrypt(app.signing_key))


def tell_webhooks(app: PairedApp, version: str) -> list[WebhookOut]:
    """The webhook list, likewise."""
    app.webhooks_told, app.app_version = webhooks_hash(app.device, version), version
    app.save(update_fields=["webhooks_told", "app_version"])
    return webhook_list(app.device, version)


def remember_version(app: PairedApp, version: str) -> None:
    """The stream's requests do not tell it, and it decides what they are sent."""
    if version != app.app_version:
        app.app_version = version
        app.save(update_fields=["app_version"])


def app_name(version: str) -> str:
    """As the dashboard shows it."""
    return f"SMSGate {version}".strip()


def _kept(push_token: str | None) -> str:
    return encrypt(storable(push_token)) if push_token else ""
