"""What a tenant decides about its endpoints."""

from base64 import b64decode
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.errors import Conflict, InvalidInput, NotFound
from accounts.models import AuditEntry
from accounts.secrets import decrypt
from accounts.tests.factories import TenantFactory, UserFactory
from webhooks import handlers
from webhooks.models import Endpoint
from webhooks.services import endpoints
from webhooks.services.endpoints import (
    EVENTS,
    DialectEndpoint,
    create_endpoint,
    delete_endpoint,
    disable_endpoint,
    enable_endpoint,
    pause_endpoint,
    provision_first_endpoint,
    put_dialect_endpoint,
    resume_endpoint,
    rotate_secret,
    update_endpoint,
)
from webhooks.tests.factories import DeliveryFactory, HostFactory

pytestmark = pytest.mark.django_db

URL = "https://hooks.example.com/sms?token=hidden"


@pytest.fixture
def tenant():
    return TenantFactory()


@pytest.fixture
def endpoint(tenant):
    """The tenant's second endpoint, so that it may be deleted."""
    provision_first_endpoint(tenant=tenant)
    return create_endpoint(tenant=tenant, url=URL, name="Shop", actor=None)[0]


def audited(tenant) -> list[tuple[str, dict]]:
    """(action, detail) of what was noted about endpoints, oldest first."""
    entries = AuditEntry.objects.filter(tenant=tenant, action__startswith="endpoint.")
    return list(entries.order_by("id").values_list("action", "detail"))


def issues_of(error) -> list[tuple[str, str]]:
    return [(issue.path, issue.code) for issue in error.value.issues]


def test_events_are_those_that_are_written():
    written = handlers.MESSAGE_EVENTS | handlers.DEVICE_EVENTS | {"contact.unsubscribed"}
    assert sorted(EVENTS) == sorted(written)


def test_first_endpoint_hears_of_received_messages_and_has_no_url(tenant):
    once = provision_first_endpoint(tenant=tenant)
    row = Endpoint.objects.get()
    assert (row.tenant, row.kind, row.url, row.events, row.state) == (
        tenant,
        "endpoint",
        "",
        ["message.received"],
        "enabled",
    )
    assert once == {"signing_secret": decrypt(row.secret)}


def test_first_endpoint_is_made_beside_rows_of_hosts_and_once(tenant):
    HostFactory(tenant=tenant)
    assert set(provision_first_endpoint(tenant=tenant)) == {"signing_secret"}
    assert provision_first_endpoint(tenant=tenant) == {}
    assert Endpoint.objects.of(tenant).count() == 1


def test_created_endpoint_keeps_its_secret_encrypted(tenant):
    actor = UserFactory()
    made, secret = create_endpoint(
        tenant=tenant, url=URL, events=["message.failed"], name="Shop", actor=actor
    )
    made.refresh_from_db()
    assert (made.url, made.events, made.name, made.state) == (
        URL,
        ["message.failed"],
        "Shop",
        "enabled",
    )
    assert (made.secret_prefix, decrypt(made.secret)) == (secret[:12], secret)
    assert (
        len(b64decode(secret.removeprefix("whsec_"), validate=True)),
        secret in made.secret,
    ) == (
        32,
        False,
    )
    assert audited(tenant) == [
        (
            "endpoint.created",
            {"host": "hooks.example.com", "events": ["message.failed"], "name": "Shop"},
        )
    ]
    assert AuditEntry.objects.get(action="endpoint.created").actor == actor


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "ftp://hooks.example.com/",
        "https://user:password@hooks.example.com/",
        "https://localhost/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest",
        "http://0x7f.1/",
        "https://hooks.example.com:22/",
        "https://hooks.example.com/\x00",
        "https://hooks.example.com/" + "x" * 2000,
    ],
)
def test_url_that_may_not_be_called_is_refused(tenant, endpoint, url):
    before = (Endpoint.objects.count(), audited(tenant))
    with pytest.raises(InvalidInput) as created:
        create_endpoint(tenant=tenant, url=url, actor=None)
    with pytest.raises(InvalidInput) as updated:
        update_endpoint(endpoint=endpoint, url=url, actor=None)
    assert issues_of(created) == issues_of(updated) == [("url", "invalid_url")]
    endpoint.refresh_from_db()
    assert (endpoint.url, (Endpoint.objects.count(), audited(tenant))) == (URL, before)


@pytest.mark.parametrize(
    ("events", "issues"),
    [
        ([], [("events", "required")]),
        (["*"], [("events[0]", "unknown_event")]),
        (
            ["message.sent", "message.lost", "device.online", "webhook.test"],
            [("events[1]", "unknown_event"), ("events[3]", "unknown_event")],
        ),
    ],
)
def test_events_that_are_not_there_are_refused(tenant, endpoint, events, issues):
    with pytest.raises(InvalidInput) as created:
        create_endpoint(tenant=tenant, url=URL, events=events, actor=None)
    with pytest.raises(InvalidInput) as updated:
        update_endpoint(endpoint=endpoint, events=events, actor=None)
    assert issues_of(created) == issues_of(updated) == issues


def test_events_are_kept_once_each_in_one_order(endpoint):
    update_endpoint(
        endpoint=endpoint, events=["message.sent", "message.received", "message.sent"], actor=None
    )
    assert endpoint.events == ["message.received", "message.sent"]


def test_twentieth_endpoint_is_the_last(tenant):
    HostFactory(tenant=tenant)
    for _ in range(endpoints.MAX_ENDPOINTS):
        last, _ = create_endpoint(tenant=tenant, url=URL, actor=None)
    with pytest.raises(Conflict):
        create_endpoint(tenant=tenant, url=URL, actor=None)
    create_endpoint(tenant=TenantFactory(), url=URL, actor=None)
    delete_endpoint(endpoint=last, actor=None)
    create_endpoint(tenant=tenant, url=URL, actor=None)
    assert Endpoint.objects.of(tenant).count() == 20


def test_update_changes_what_is_given_and_notes_no_path(tenant, endpoint):
    update_endpoint(endpoint=endpoint, url="https://other.example.com:8443/x?key=k", actor=None)
    update_endpoint(endpoint=endpoint, name="", events=list(EVENTS), actor=None)
    update_endpoint(endpoint=endpoint, name="", url=endpoint.url, actor=None)
    update_endpoint(endpoint=endpoint, actor=None)
    endpoint.refresh_from_db()
    assert (endpoint.name, endpoint.url, endpoint.events) == (
        "",
        "https://other.example.com:8443/x?key=k",
        list(EVENTS),
    )
    assert audited(tenant)[1:] == [
        ("endpoint.updated", {"host": "other.example.com:8443"}),
        ("endpoint.updated", {"name": "", "events": list(EVENTS)}),
    ]


def test_new_url_starts_untried(endpoint):
    hour_ago = timezone.now() - timedelta(hours=1)
    told = ("failing_since", "last_success_at", "last_failure_at", "breaker_until")
    Endpoint.objects.filter(pk=endpoint.pk).update(warnings_sent=2, **dict.fromkeys(told, hour_ago))
    update_endpoint(endpoint=endpoint, name="Renamed", actor=None)
    endpoint.refresh_from_db()
    assert {getattr(endpoint, column) for column in told} == {hour_ago}
    update_endpoint(endpoint=endpoint, url="https://other.example.com/", actor=None)
    endpoint.refresh_from_db()
    assert ({getattr(endpoint, column) for column in told}, endpoint.warnings_sent) == ({None}, 0)
    assert endpoint.counted_since > hour_ago


def test_rotation_keeps_the_previous_secret_for_a_day(tenant, endpoint, time_machine):
    first = decrypt(endpoint.secret)
    time_machine.move_to("2026-06-12T18:40:00Z", tick=False)
    second = rotate_secret(endpoint=endpoint, actor=None)
    endpoint.refresh_from_db()
    assert (decrypt(endpoint.secret), decrypt(endpoint.previous_secret)) == (second, first)
    assert endpoint.secret_prefix == second[:12]
    assert endpoint.previous_secret_until.isoformat() == "2026-06-13T18:40:00+00:00"
    assert audited(tenant)[1:] == [("endpoint.secret_rotated", {})]


def test_rotation_within_the_day_replaces_the_previous_secret(endpoint, time_machine):
    time_machine.move_to("2026-06-12T18:40:00Z", tick=False)
    second = rotate_secret(endpoint=endpoint, actor=None)
    time_machine.shift(3600)
    third = rotate_secret(endpoint=endpoint, actor=None)
    endpoint.refresh_from_db()
    assert (decrypt(endpoint.secret), decrypt(endpoint.previous_secret)) == (third, second)
    assert endpoint.previous_secret_until.isoformat() == "2026-06-13T19:40:00+00:00"


def test_pause_and_resume_happen_once_each(tenant, endpoint):
    did = [verb(endpoint=endpoint, actor=None) for verb in [pause_endpoint] * 2]
    assert (did, endpoint.state) == ([True, False], "paused")
    did = [verb(endpoint=endpoint, actor=None) for verb in [resume_endpoint] * 2]
    assert (did, endpoint.state) == ([True, False], "enabled")
    assert [action for action, _ in audited(tenant)[1:]] == [
        "endpoint.paused",
        "endpoint.resumed",
    ]


@pytest.mark.parametrize("state", ["enabled", "paused"])
def test_disabling_holds_what_waits(tenant, endpoint, state, django_capture_on_commit_callbacks):
    Endpoint.objects.filter(pk=endpoint.pk).update(
        state=state, breaker_until=timezone.now() + timedelta(minutes=1)
    )
    waiting = DeliveryFactory(endpoint=endpoint)
    with django_capture_on_commit_callbacks(execute=True):
        did = [disable_endpoint(endpoint=endpoint, actor=None) for _ in range(2)]
    endpoint.refresh_from_db()
    waiting.refresh_from_db()
    assert (did, endpoint.state, endpoint.disabled_reason, endpoint.breaker_until) == (
        [True, False],
        "disabled",
        "Disabled by the account.",
        None,
    )
    assert endpoint.disabled_at > timezone.now() - timedelta(minutes=1)
    assert (waiting.status, waiting.next_attempt_at) == ("held", None)
    assert audited(tenant)[1:] == [("endpoint.disabled", {})]


def test_enabling_undoes_whatever_it_was(tenant, endpoint):
    assert enable_endpoint(endpoint=endpoint, actor=None) is False
    pause_endpoint(endpoint=endpoint, actor=None)
    assert enable_endpoint(endpoint=endpoint, actor=None) is True
    disable_endpoint(endpoint=endpoint, actor=None)
    assert enable_endpoint(endpoint=endpoint, actor=None) is True
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.disabled_at, endpoint.disabled_reason) == ("enabled", None, "")
    assert [action for action, _ in audited(tenant)[1:]] == [
        "endpoint.paused",
        "endpoint.resumed",
        "endpoint.disabled",
        "endpoint.enabled",
    ]


def test_disabled_endpoint_is_neither_paused_nor_resumed(endpoint):
    disable_endpoint(endpoint=endpoint, actor=None)
    with pytest.raises(Conflict):
        pause_endpoint(endpoint=endpoint, actor=None)
    assert (resume_endpoint(endpoint=endpoint, actor=None), endpoint.state) == (False, "disabled")


def test_deleted_endpoint_hears_and_signs_nothing_and_its_log_stays(
    tenant, endpoint, django_capture_on_commit_callbacks
):
    rotate_secret(endpoint=endpoint, actor=None)
    waiting = DeliveryFactory(endpoint=endpoint)
    with django_capture_on_commit_callbacks(execute=True):
        delete_endpoint(endpoint=endpoint, actor=None)
    endpoint.refresh_from_db()
    waiting.refresh_from_db()
    assert (endpoint.state, endpoint.events, endpoint.secret, endpoint.previous_secret) == (
        "disabled",
        [],
        "",
        "",
    )
    assert (waiting.status, Endpoint.objects.of(tenant).filter(pk=endpoint.pk).exists()) == (
        "held",
        False,
    )
    assert audited(tenant)[-1] == ("endpoint.deleted", {"host": "hooks.example.com"})


def test_deleted_endpoint_is_unknown_to_whoever_still_holds_it(endpoint):
    delete_endpoint(endpoint=endpoint, actor=None)
    for verb in (delete_endpoint, enable_endpoint, pause_endpoint, rotate_secret):
        with pytest.raises(NotFound):
            verb(endpoint=endpoint, actor=None)
    with pytest.raises(NotFound):
        update_endpoint(endpoint=endpoint, name="Back", actor=None)


def test_first_endpoint_stays(tenant, endpoint):
    first = Endpoint.objects.of(tenant).first()
    with pytest.raises(Conflict):
        delete_endpoint(endpoint=first, actor=None)
    first.refresh_from_db()
    assert (first.deleted_at, first.state, first.secret != "") == (None, "enabled", True)


def test_audit_log_never_has_a_secret(tenant, endpoint):
    secrets = [decrypt(endpoint.secret), rotate_secret(endpoint=endpoint, actor=None)]
    update_endpoint(endpoint=endpoint, url="https://other.example.com/?token=hidden", actor=None)
    disable_endpoint(endpoint=endpoint, actor=None)
    delete_endpoint(endpoint=endpoint, actor=None)
    noted = str(list(AuditEntry.objects.values()))
    told = [*secrets, *(secret[7:20] for secret in secrets), "hidden", "/sms"]
    assert [text for text in told if text in noted] == []


class TestDialectEndpoints:
    @staticmethod
    def wanted(**fields) -> DialectEndpoint:
        columns = {
            "name": "Shop",
            "url": URL,
            "events": [],
            "format": "theirs",
            "options": {"id": "x"},
        }
        return DialectEndpoint(**columns | fields)

    def test_one_is_made_beside_the_first_and_can_be_deleted(self, tenant):
        made = put_dialect_endpoint(tenant=tenant, wanted=self.wanted(events=["message.sent"]))
        first, second = Endpoint.objects.order_by("id")
        assert (first.url, first.format, second) == ("", "native", made)
        assert (made.events, made.format, made.options) == (["message.sent"], "theirs", {"id": "x"})
        delete_endpoint(endpoint=made, actor=None)

    def test_id_that_is_known_is_changed(self, tenant):
        made = put_dialect_endpoint(tenant=tenant, wanted=self.wanted())
        Endpoint.objects.update(last_success_at=timezone.now())
        wanted = self.wanted(url=URL + "/2", options={"id": "x", "more": 1})
        again = put_dialect_endpoint(tenant=tenant, wanted=wanted)
        assert (again.pk, again.url, again.options) == (made.pk, URL + "/2", wanted.options)
        again.refresh_from_db()
        assert again.last_success_at is None

    def test_id_of_another_format_or_tenant_is_free(self, tenant):
        made = {
            put_dialect_endpoint(tenant=tenant, wanted=self.wanted()).pk,
            put_dialect_endpoint(tenant=tenant, wanted=self.wanted(format="others")).pk,
            put_dialect_endpoint(tenant=TenantFactory(), wanted=self.wanted()).pk,
        }
        assert len(made) == 3

    def test_url_that_leads_inside_is_refused(self, tenant):
        with pytest.raises(InvalidInput):
            put_dialect_endpoint(tenant=tenant, wanted=self.wanted(url="http://127.0.0.1/"))
        assert Endpoint.objects.count() == 0
