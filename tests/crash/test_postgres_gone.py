"""PostgreSQL away, killed under load, and cut off while it commits (K6)."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import quote

import pytest

from gateway_site.embedded.postgres import DATABASE
from tests.crash.account import Account
from tests.crash.client import Answer, Client
from tests.crash.evidence import gather_evidence
from tests.crash.gateway import Gateway
from tests.crash.load import Load, recipient
from tests.crash.oracle import differences
from tests.crash.phone import Phone
from tests.crash.scratch import scratch_folder
from tests.crash.wire import Verdict, Wire, unix_wire

pytestmark = pytest.mark.xdist_group("crash")

KILLS = 5
SOCKET = ".s.PGSQL.5432"


@pytest.fixture(
    scope="module", params=[{}, {"CRASH_POLICY": "1"}], ids=["one statement", "a transaction"]
)
def wired(gateway: Gateway, request: pytest.FixtureRequest) -> Iterator[tuple[Wire, int]]:
    """A wire to PostgreSQL, and the port of web processes that go through it."""
    target = gateway.database_sockets / SOCKET
    with scratch_folder() as folder, unix_wire(folder / SOCKET, target) as wire:
        url = f"postgres://postgres@/{quote(str(folder))}/{DATABASE}"
        web, port = gateway.another_web(DATABASE_URL=url, **request.param)
        try:
            web.start()
            gateway.wait_until_ready(port)
            yield wire, port
        finally:
            web.kill()


@pytest.fixture
def healthy_again(gateway: Gateway) -> Iterator[None]:
    """The next test has a database, and no connections of before: each of those fails once."""
    yield
    if not gateway.postgres.is_running:
        gateway.postgres.start()
    gateway.web.kill()
    gateway.web.start()
    gateway.wait_until_ready()


@pytest.mark.parametrize("key", [None, "a key"])
def test_commit_whose_answer_is_lost_is_not_done_again(
    wired: tuple[Wire, int], account: Account, key: str | None
):
    """The gateway must not try again by itself: what was committed would be sent twice."""
    wire, port = wired
    with closing(Client(port, account.api_key)) as client:
        client.send(recipient(), "opens the connection to the database")
        wire.judge = judge = LosesOneCommit()
        to = recipient()
        answer = client.try_to_send(to, "plain", key)
        assert judge.has_lost
        assert answer is not None
        _assert_says_unavailable(answer)
        assert len(client.rows()) == 2
        if key is not None:
            repeated = client.send(to, "plain", key)
            assert repeated.headers["idempotent-replayed"] == "true"
            assert len(client.rows()) == 2


class LosesOneCommit:
    """A judge: what stores a message arrives, and then the connection breaks.

    That is the COMMIT, or the INSERT itself when it has no transaction around it.
    """

    def __init__(self) -> None:
        self.has_lost = False
        self._begun: set[int] = set()
        self._storing: set[int] = set()

    def __call__(self, is_from_client: bool, chunk: bytes, number: int) -> Verdict:
        if self.has_lost:
            return Verdict.PASS
        if is_from_client:
            if b"BEGIN" in chunk:
                self._begun.add(number)
            last = b"COMMIT" if number in self._begun else b"INSERT INTO messaging_message"
            if last in chunk:
                self._storing.add(number)
        elif number in self._storing:
            self.has_lost = True
            return Verdict.CUT_BEFORE
        return Verdict.PASS


@pytest.mark.usefixtures("healthy_again")
def test_postgres_away_is_told_and_nothing_is_accepted(
    gateway: Gateway, client: Client, phone: Phone
):
    phone.start_impatient()
    phone.wait_until_connected()
    accepted = {client.send(recipient(), "before").json["id"]: "before"}
    gateway.postgres.kill()
    for key in (None, "a key"):
        for _ in range(10):
            answer = client.try_to_send(recipient(), "during", key)
            assert answer is not None
            _assert_says_unavailable(answer)
    message_id = next(iter(accepted))
    _assert_says_unavailable(client.ask("GET", f"/v1/messages/{message_id}"))
    _assert_says_unavailable(client.ask("GET", "/v1/messages"))
    gateway.postgres.start()
    gateway.wait_until_ready()
    accepted[client.send(recipient(), "after").json["id"]] = "after"
    evidence = gather_evidence(client, phone, accepted)
    assert differences(evidence) == []
    assert set(evidence.rows) == set(accepted)


@pytest.mark.usefixtures("healthy_again")
def test_postgres_killed_under_load_neither_loses_nor_doubles(
    gateway: Gateway,
    account: Account,
    client: Client,
    phone: Phone,
    chance: random.Random,
    rounds: Callable[[int], int],
    note: Callable[[str], None],
):
    kills = rounds(KILLS)
    phone.start_impatient()
    phone.wait_until_connected()
    with Load(account, gateway.port) as load:
        for _ in range(kills):
            phone.wait_for_more(chance.randint(10, 40))
            gateway.postgres.kill()
            load.wait_for_refusals(20)
            gateway.postgres.start()
    gateway.wait_until_ready()
    evidence = gather_evidence(client, phone, load.accepted)
    note(f"{kills} kills, {load.refused} requests refused; {evidence.figures()}")
    for one in load.clients:
        for answer in one.refusals:
            _assert_says_unavailable(answer)
    assert load.lost == 0
    assert differences(evidence) == []
    assert evidence.unknown == 0


def _assert_says_unavailable(answer: Answer) -> None:
    """In the native envelope, with the time to wait."""
    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")
    assert set(answer.json) == {"error", "message", "requestId"}
    assert answer.headers["retry-after"] == "1"
