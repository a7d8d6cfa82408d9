"""Idempotency keys: the work once, its answer every time."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts.errors import Conflict, InvalidInput
from accounts.models import IdempotencyRecord, Tenant
from accounts.services.idempotency import Answer, answer_once, fingerprint_of
from accounts.tasks import prune
from accounts.tests.factories import TenantFactory

pytestmark = pytest.mark.django_db


class Work:
    """Renames the tenant, and counts how often it was done."""

    def __init__(self, tenant: Tenant, error: Exception | None = None) -> None:
        self.tenant, self.error, self.times = tenant, error, 0

    def __call__(self) -> Answer:
        self.times += 1
        Tenant.objects.filter(pk=self.tenant.pk).update(name=f"done {self.times}")
        if self.error is not None:
            raise self.error
        return Answer(202, b'{"n": %d}' % self.times)


def ask(work: Work, *, key: str = "k", body: bytes = b"{}") -> Answer:
    fingerprint = fingerprint_of(method="POST", path="/v1/messages", body=body)
    return answer_once(tenant=work.tenant, key=key, fingerprint=fingerprint, work=work)


def test_repeated_request_gets_the_first_answer_and_does_nothing():
    work = Work(TenantFactory())
    answers = [ask(work) for _ in range(3)]
    again = Answer(202, b'{"n": 1}', is_replayed=True)
    assert answers == [Answer(202, b'{"n": 1}'), again, again]
    assert work.times == 1


def test_same_key_with_another_body_is_a_conflict():
    work = Work(TenantFactory())
    ask(work)
    with pytest.raises(Conflict):
        ask(work, body=b'{"text": "other"}')
    assert work.times == 1


def test_same_key_of_another_tenant_is_independent():
    alice, charlie = Work(TenantFactory()), Work(TenantFactory())
    assert [ask(alice), ask(charlie)] == [Answer(202, b'{"n": 1}')] * 2


def test_other_keys_are_independent():
    work = Work(TenantFactory())
    assert [ask(work, key=key).body for key in "abc"] == [b'{"n": 1}', b'{"n": 2}', b'{"n": 3}']


@pytest.mark.parametrize("error", [Conflict(), IntegrityError("bug")])
def test_error_keeps_nothing_so_that_repeating_does_the_work(error):
    tenant = TenantFactory(name="before")
    failing = Work(tenant, error)
    with pytest.raises(type(error)):
        ask(failing)
    tenant.refresh_from_db()
    assert (tenant.name, IdempotencyRecord.objects.count()) == ("before", 0)
    assert ask(Work(tenant)) == Answer(202, b'{"n": 1}')


def test_expired_key_is_renewed_in_place(settings):
    work = Work(TenantFactory())
    ask(work)
    age_records(hours=settings.IDEMPOTENCY_HOURS, seconds=1)
    assert ask(work, body=b'{"text": "other"}') == Answer(202, b'{"n": 2}')
    assert ask(work, body=b'{"text": "other"}') == Answer(202, b'{"n": 2}', is_replayed=True)
    assert IdempotencyRecord.objects.count() == 1


def test_key_lives_its_whole_day(settings):
    work = Work(TenantFactory())
    ask(work)
    age_records(hours=settings.IDEMPOTENCY_HOURS, seconds=-60)
    assert (prune(), ask(work).is_replayed) == (0, True)


def test_prune_deletes_what_ran_out(settings):
    work = Work(TenantFactory())
    ask(work, key="old")
    age_records(hours=settings.IDEMPOTENCY_HOURS, seconds=1)
    ask(work, key="new")
    assert prune() == 1
    assert [record.key for record in IdempotencyRecord.objects.all()] == ["new"]


@pytest.mark.parametrize("key", ["", "x" * 256, "café", "a\nb", "a\x00b", "a\x7fb"])
def test_malformed_key_is_refused_before_the_work(key):
    work = Work(TenantFactory())
    with pytest.raises(InvalidInput) as refused:
        ask(work, key=key)
    assert [issue.path for issue in refused.value.issues] == ["Idempotency-Key"]
    assert (work.times, IdempotencyRecord.objects.count()) == (0, 0)


@pytest.mark.parametrize("key", ["x", "x" * 255, "' OR 1=1 --", "a b"])
def test_any_printable_ascii_up_to_255_characters_is_a_key(key):
    work = Work(TenantFactory())
    assert [ask(work, key=key).is_replayed for _ in range(2)] == [False, True]


def age_records(**by: float) -> None:
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(**by))
