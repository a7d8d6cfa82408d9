"""Phones with the SMSGate app as rows, and their requests through Django's test client."""

import json
import time
from typing import Any

import factory
from django.test import Client
from factory.django import DjangoModelFactory

from accounts.secrets import decrypt, encrypt
from devices.models import Device
from devices.tests.factories import DeviceFactory, token_of
from integrations.phones.smsgate.models import PairedApp
from integrations.phones.smsgate.signatures import path_secret, sign
from integrations.phones.smsgate.wire_ids import wire_device_id

API = "/api/mobile/v1"


class PairedAppFactory(DjangoModelFactory):
    class Meta:
        model = PairedApp

    device = factory.SubFactory(DeviceFactory, kind=Device.Kind.ANDROID)
    app_version = "1.68.0"
    signing_key = factory.LazyFunction(lambda: encrypt("signing-key"))


class AppClient:
    """What the app of one phone calls."""

    def __init__(self, app: PairedApp | None = None, version: str = "1.68.0") -> None:
        self.app = app or PairedAppFactory(app_version=version)
        self.device = self.app.device
        self._token, self._version = token_of(self.device), version
        self._client = Client(raise_request_exception=False)

    def __call__(self, method: str, path: str, body: Any = None, *, authorization: str = ""):
        """One request below the API, by default with the token."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._client.generic(
            method,
            API + path,
            b"" if body is None else content,
            content_type="application/json",
            headers={
                "User-Agent": f"me.capcom.smsgateway/{self._version}",
                "Authorization": authorization or f"Bearer {self._token}",
            },
        )

    def post(self, event: str, payload: Any, *, event_id: str = "event-1", **said: Any):
        """Post an event; `said` replaces what is otherwise right: body, key, at, path."""
        body = said.get("body") or json.dumps(
            {"id": event_id, "event": event, "deviceId": "x", "payload": payload}
        )
        body = body if isinstance(body, bytes) else body.encode()
        timestamp = str(said.get("at", int(time.time())))
        key = said.get("key", decrypt(self.app.signing_key))
        path = f"/in/{wire_device_id(self.device)}/{path_secret(self.device)}"
        return self._client.generic(
            "POST",
            API + said.get("path", path),
            body,
            content_type="application/json",
            headers={"X-Timestamp": timestamp, "X-Signature": sign(key, body, timestamp)},
        )


def text(message: str = "Hello", **more: Any) -> dict[str, Any]:
    """The payload of sms:received."""
    return {
        "messageId": "a80532bb",
        "sender": "+6581230000",
        "phoneNumber": "+6581230000",
        "simNumber": 1,
        "message": message,
        "receivedAt": "2026-01-02T12:04:05.000+02:00",
        **more,
    }
