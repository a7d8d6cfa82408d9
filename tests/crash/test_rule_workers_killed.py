"""kill -9 to workers over the actions of rules: done once, or honest about it (K2, K9, K10)."""

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

import msgspec
import pytest

from gateway_site.embedded.config import BASE_DIR
from gateway_site.embedded.process import Program, run_to_end
from tests.crash.account import Account
from tests.crash.child import Child
from tests.crash.gateway import Gateway
from tests.crash.waiting import until

pytestmark = pytest.mark.xdist_group("crash")

QUICK = ("reply", "forward", "add_to_group", "opt_out")
ENDED = {"done", "failed", "skipped", "unknown"}
MAILER_THREADS = 32


@pytest.fixture(scope="module")
def mortal(gateway: Gateway) -> Iterator[tuple[Child, Child]]:
    """The workers of the two queues, in place of the gateway's: these may die over a rule."""
    gateway.worker.kill()
    gateway.webhooks.kill()
    settings = {"DJANGO_SETTINGS_MODULE": "tests.crash.rule_settings"}
    workers = gateway.another_worker(**settings), gateway.another_webhooks(**settings)
    try:
        for worker in workers:
            worker.start()
        yield workers
    finally:
        for worker in workers:
            worker.kill()
        gateway.worker.start()
        gateway.webhooks.start()
        gateway.wait_until_ready()


class Runs:
    """Runs of one account, and what came of them."""

    def __init__(self, gateway: Gateway, account: Account) -> None:
        self._gateway, self._account = gateway, account

    def store(self, text: str, *kinds: str, count: int = 1) -> list[int]:
        """Runs with actions of these kinds, whose tasks are queued twice; their ids."""
        argv = [sys.executable, "-m", "tests.crash.rule_runs", self._account.device_id, text]
        program = Program("rule runs", [*argv, str(count), *kinds], self._gateway.env, BASE_DIR)
        return msgspec.json.decode(run_to_end(program), type=list[int])

    def actions(self, runs: list[int]) -> list[tuple[str, str, str]]:
        """(kind, status, error code) of the actions of `runs`, in order."""
        return self._gateway.query(_ACTIONS, runs)

    def wait_until_ended(self, runs: list[int], *, in_haste: bool = False) -> None:
        """Wait until nothing of `runs` is left to do; in haste, what is put off is due at once."""

        def have_ended() -> bool:
            if in_haste:
                self.hasten(runs)
            return {status for _, status, _ in self.actions(runs)} <= ENDED

        until(have_ended, "the runs end", seconds=120, every=0.2)

    def hasten(self, runs: list[int]) -> None:
        """Have what is begun or put off be due, as if time had passed."""
        self._gateway.query(_HASTEN, runs)

    def starts(self, runs: list[int]) -> list[int]:
        """How often each action was begun."""
        return [starts for (starts,) in self._gateway.query(_STARTS, runs)]

    def texts(self, text: str) -> list[str]:
        """Outbound messages with `text` in them."""
        return [said for (said,) in self._gateway.query(_TEXTS, f"%{text}%")]

    def mails(self, subject: str) -> int:
        """How many e-mails with that subject the mail server has taken."""
        mailed = self._gateway.faults / "mailed"
        return mailed.read_text().splitlines().count(subject) if mailed.exists() else 0


_ACTIONS = """
SELECT kind, status, error_code FROM rules_ruleaction WHERE run_id = ANY(%s) ORDER BY id
"""
_HASTEN = """
UPDATE rules_ruleaction SET next_attempt_at = now()
 WHERE run_id = ANY(%s) AND status IN ('pending', 'started') AND next_attempt_at > now()
RETURNING id
"""
_STARTS = "SELECT attempts FROM rules_ruleaction WHERE run_id = ANY(%s) ORDER BY id"
_TEXTS = """
SELECT text FROM messaging_message WHERE direction = 'outbound' AND text LIKE %s ORDER BY text
"""


@pytest.fixture
def runs(gateway: Gateway, account: Account) -> Runs:
    return Runs(gateway, account)


@pytest.mark.parametrize(("step", "starts"), [("before_commit", 2), ("on_commit", 1)])
def test_worker_killed_over_a_reply_queues_it_once(
    gateway: Gateway, mortal: object, runs: Runs, step: str, starts: int
):
    gateway.ask_to_die(step)
    text = f"answer {step}"
    run = runs.store(text, *QUICK)
    runs.wait_until_ended(run)
    assert not gateway.is_asked_to_die(step)
    assert runs.actions(run) == [(kind, "done", "") for kind in QUICK]
    assert runs.texts(text) == [f"Forwarded: {text} 0", f"{text} 0"]
    assert runs.starts(run) == [starts, 1, 1, 1]


@pytest.mark.parametrize(("step", "taken"), [("before_mail", 0), ("after_mail", 1)])
def test_worker_killed_over_an_email_says_unknown_and_never_sends_it_again(
    gateway: Gateway, mortal: tuple[Child, Child], runs: Runs, step: str, taken: int
):
    _, mailer = mortal
    gateway.ask_to_die(step)
    run = runs.store(step, "email")
    mailer.wait_for_death(-signal.SIGKILL)
    assert runs.actions(run) == [("email", "started", "")]
    mailer.start()
    later = runs.store(f"later than {step}", "email")
    runs.wait_until_ended(later)
    assert runs.actions(run) == [("email", "started", "")]
    runs.hasten(run)
    runs.wait_until_ended(run)
    assert runs.actions(run + later) == [("email", "unknown", "unknown"), ("email", "done", "")]
    assert (runs.mails(f"{step} 0"), runs.mails(f"later than {step} 0")) == (taken, 1)
    assert runs.starts(run) == [1]


def test_reply_that_kills_every_worker_is_given_up_and_the_others_go_on(mortal: object, runs: Runs):
    deadly = runs.store("poison", "reply", "forward")
    harmless = runs.store("harmless", *QUICK, count=10)
    runs.wait_until_ended(deadly + harmless, in_haste=True)
    assert runs.actions(deadly) == [("reply", "failed", "gave_up"), ("forward", "done", "")]
    assert set(runs.actions(harmless)) == {(kind, "done", "") for kind in QUICK}
    assert runs.starts(deadly)[0] == 5
    assert len(runs.texts("harmless")) == 20


def test_workers_killed_at_random_do_everything_once(
    mortal: tuple[Child, Child],
    runs: Runs,
    chance: random.Random,
    rounds: Callable[[int], int],
    note: Callable[[str], None],
):
    kills, count = rounds(5), 60
    stored = runs.store("at random", *QUICK, "email", count=count)
    for _ in range(kills):
        time.sleep(chance.uniform(0.2, 1.5))  # the moment is the test
        victim = chance.choice(mortal)
        victim.kill()
        victim.start()
    runs.wait_until_ended(stored, in_haste=True)
    found = Counter(runs.actions(stored))
    unknown = found.pop(("email", "unknown", "unknown"), 0)
    sent = found.pop(("email", "done", ""), 0)
    note(f"{kills} kills over {count} runs: {sent} e-mails sent, {unknown} unknown")
    assert found == {(kind, "done", ""): count for kind in QUICK}
    texts = runs.texts("at random")
    assert (len(texts), len(set(texts))) == (2 * count, 2 * count)
    assert sent + unknown == count
    assert unknown <= kills * MAILER_THREADS
    mails = [runs.mails(f"at random {number}") for number in range(count)]
    assert max(mails) == 1
    assert sent <= sum(mails) <= sent + unknown
