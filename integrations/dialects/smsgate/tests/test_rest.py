"""Devices, the inbox, settings, health, and what is not offered."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.api.times import iso
from accounts.ids import new_id, short_id
from accounts.models import AuditEntry
from accounts.tests.factories import bearer
from devices.models import Device
from devices.tests.factories import DeviceFactory
from integrations.dialects.smsgate.models import DeviceSettings
from integrations.dialects.smsgate.tests.conftest import BASE
from integrations.dialects.smsgate.urls import _ROUTES
from messaging.tests.factories import MessageFactory


class TestDevices:
    @pytest.mark.parametrize("path", ["/device", "/devices/"])
    def test_list_shows_phones_and_sims(self, call, device, path):
        assert call("GET", path).json() == [
            {
                "id": short_id(device.public_id),
                "name": device.name,
                "createdAt": iso(device.created_at),
                "updatedAt": iso(device.last_seen_at),
                "lastSeen": iso(device.last_seen_at),
                "simCards": [
                    {
                        "slotIndex": 0,
                        "simNumber": 1,
                        "phoneNumber": "+6598765432",
                        "carrierName": "",
                    }
                ],
            }
        ]

    def test_one_and_thirty_take_as_many_queries(self, call, device):
        call("GET", "/devices")
        with CaptureQueriesContext(connection) as one:
            call("GET", "/devices")
        for _ in range(29):
            DeviceFactory(tenant=device.tenant)
        with CaptureQueriesContext(connection) as thirty:
            assert len(call("GET", "/devices").json()) == 30
        assert len(thirty) == len(one)

    def test_removed_phone_is_revoked(self, call, device):
        path = f"/devices/{short_id(device.public_id)}"
        assert call("DELETE", path).status_code == 204
        assert Device.objects.get().status == Device.Status.REVOKED
        assert (call("DELETE", path).status_code, call("GET", "/devices").json()) == (404, [])

    def test_phones_of_others_are_neither_shown_nor_removed(self, call, device):
        other = DeviceFactory()
        assert len(call("GET", "/devices").json()) == 1
        assert call("DELETE", f"/device/{short_id(other.public_id)}").status_code == 404


class TestInbox:
    def received(self, device, **columns):
        return MessageFactory(device=device, inbound=True, **columns)

    def test_row_is_an_incoming_message(self, call, device):
        message = self.received(device, sender="+6582220000", sim=device.sims.get(), text="Yes")
        answer = call("GET", "/inbox")
        assert answer.json() == [
            {
                "id": short_id(message.public_id),
                "type": "SMS",
                "sender": "+6582220000",
                "recipient": "+6598765432",
                "simNumber": 1,
                "contentPreview": "Yes",
                "createdAt": iso(message.created_at),
            }
        ]
        assert answer["X-Total-Count"] == "1"

    def test_pages_and_filters(self, call, device):
        other = DeviceFactory(tenant=device.tenant)
        made = [short_id(self.received(phone).public_id) for phone in (device, other, device)]
        self.received(DeviceFactory())
        MessageFactory(device=device)

        def ids(query):
            return [row["id"] for row in call("GET", f"/inbox?{query}").json()]

        assert ids("") == made[::-1]
        assert ids("limit=1&offset=1") == [made[1]]
        assert ids(f"deviceId={short_id(other.public_id)}") == [made[1]]
        assert ids(f"deviceId={short_id(new_id())}") == ids("deviceId=x") == []
        assert (ids("type=SMS&includeAttachments=True"), ids("type=MMS")) == (made[::-1], [])
        assert ids(f"to={iso(timezone.now())}&from=2026-01-01T00:00:00") == made[::-1]

    def test_one_and_thirty_take_as_many_queries(self, call, device):
        self.received(device, sim=device.sims.get())
        call("GET", "/inbox")
        with CaptureQueriesContext(connection) as one:
            call("GET", "/inbox")
        for _ in range(29):
            self.received(device, sim=device.sims.get())
        with CaptureQueriesContext(connection) as thirty:
            assert len(call("GET", "/inbox").json()) == 30
        assert len(thirty) == len(one)

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/inbox/refresh"),
            ("POST", "/messages/inbox/export"),
            ("POST", "/message/inbox/export"),
            ("GET", "/logs"),
        ],
    )
    def test_what_is_not_offered_says_so(self, call, method, path):
        answer = call(method, path, {"since": "x"})
        assert (answer.status_code, list(answer.json())) == (501, ["message"])
        assert call(method, path, headers={}).status_code == 401


class TestSettings:
    WHOLE = {
        "messages": {"limit_period": "PerHour", "limit_value": 60, "processing_order": "FIFO"},
        "ping": {"interval_seconds": 60},
        "gateway": {"notification_channel": "SSE_ONLY"},
    }

    def test_document_is_replaced_and_changed(self, call):
        assert call("GET", "/settings").json() == {}
        assert call("PUT", "/settings", self.WHOLE).json() == self.WHOLE
        changes = {"messages": {"limit_value": 30, "limit_period": None}, "ping": None}
        changed = call("PATCH", "/settings", changes)
        assert (changed.status_code, changed.json()) == (
            200,
            {
                "messages": {"limit_value": 30, "processing_order": "FIFO"},
                "gateway": {"notification_channel": "SSE_ONLY"},
            },
        )
        assert call("GET", "/settings").json() == changed.json()
        assert call("PUT", "/settings", {"logs": {}}).json() == {}

    def test_secrets_are_not_shown_and_not_kept_in_the_clear(self, call):
        secrets = {"webhooks": {"signing_key": "hush", "retry_count": 3}}
        secrets |= {"encryption": {"passphrase": "hush"}, "gateway": {"private_token": "hush"}}
        for method in ("PUT", "PATCH"):
            assert call(method, "/settings", secrets).json() == {"webhooks": {"retry_count": 3}}
        row = DeviceSettings.objects.values().get()
        assert ("hush" in str(row), row["signing_key"] != "") == (False, True)
        assert "hush" not in str(list(AuditEntry.objects.values()))

    def test_signing_key_stays_until_it_is_taken_away(self, call):
        call("PUT", "/settings", {"webhooks": {"signing_key": "hush"}})
        call("PUT", "/settings", {"webhooks": {"retry_count": 3}})
        assert DeviceSettings.objects.get().signing_key != ""
        call("PATCH", "/settings", {"webhooks": {"signing_key": None}})
        assert DeviceSettings.objects.get().signing_key == ""

    @pytest.mark.parametrize(
        ("document", "path"),
        [
            ({"messages": {"limit_period": "Daily"}}, "messages.limit_period"),
            ({"messages": {"limit_value": 0}}, "messages.limit_value"),
            ({"ping": {"interval_seconds": "often"}}, "ping.interval_seconds"),
            ({"webhooks": []}, "webhooks"),
        ],
    )
    def test_what_their_client_could_not_read_is_refused(self, call, document, path):
        answer = call("PATCH", "/settings", document)
        assert answer.status_code == 400
        assert answer.json()["message"].startswith(f"{path}: ")

    def test_documents_of_others_are_their_own(self, call):
        call("PUT", "/settings", self.WHOLE)
        assert call("GET", "/settings", headers=bearer(DeviceFactory().tenant)).json() == {}


class TestHealth:
    def test_live_is_for_everybody(self, call):
        answer = call("GET", "/health/live", headers={})
        assert (answer.status_code, answer.json()["status"]) == (200, "pass")

    @pytest.mark.parametrize("path", ["/health", "/health/ready", "/health/startup"])
    def test_the_rest_says_what_readyz_says(self, call, client, path, device):
        ready = client.get("/readyz")
        answer = call("GET", path, headers={})
        well = {name: check["ok"] for name, check in ready.json()["checks"].items()}
        checks = answer.json()["checks"]
        assert answer.status_code == ready.status_code
        assert {name: check["status"] == "pass" for name, check in checks.items()} == well


class TestPaths:
    @pytest.mark.parametrize("path", ["/", "/nothing", "/messages/a/b", "/webhooks/a/b/"])
    def test_unknown_path_is_told_in_their_shape(self, path, db):
        answer = Client().get(BASE + path)
        assert (answer.status_code, answer.json()) == (404, {"message": "There is no such path."})

    @pytest.mark.parametrize("slash", ["", "/"])
    @pytest.mark.parametrize("path", [path for paths in _ROUTES for path in paths])
    def test_no_path_redirects_or_breaks(self, call, path, slash):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            answer = call(method, f"/{path}{slash}".replace("<str:", "a").replace(">", ""))
            assert (method, answer.status_code // 100 in (2, 4, 5)) == (method, True)
            assert (method, answer.status_code in (500, 502)) == (method, False)

    @pytest.mark.parametrize("path", ["/messages", "/nothing", "/health"])
    def test_programs_need_no_cookies(self, path, db):
        client = Client(enforce_csrf_checks=True)
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = client.generic(method, BASE + path)
            assert (method, list(answer.json())) == (method, ["message"])

    def test_request_that_django_refuses_is_told(self, db):
        answer = Client().get(BASE + "/messages", headers={"Host": "elsewhere.example"})
        assert (answer.status_code, "message" in answer.json()) == (400, True)

    def test_method_that_is_not_there_is_told(self, call):
        answer = call("PATCH", "/messages", {})
        assert (answer.status_code, answer["Allow"]) == (405, "GET, POST, HEAD, OPTIONS")
