"""POST /v1/messages/batch with 1,000 messages, and floor C."""

from bench import inserts
from bench.figures import Figure, Ratio, at_least
from bench.load import Run, take_turns
from bench.posting import WARM_UP_SECONDS, Posting
from bench.requests import BATCH, batch_requests
from bench.tenants import open_sender, pair_phones
from bench.web import GATEWAY, running
from devices.models import Device

CONNECTIONS = 4
ROUNDS = 3
SECONDS = 4.0
RATIOS = (
    Ratio("batch / single POST, messages per second", "batch.rate", "single.rate", at_least(15)),
    Ratio("batch / floor C", "batch.rate", "floor_c.rate", at_least(0.4)),
)


def measure() -> list[Figure]:
    """The batch endpoint and floor C take turns."""
    sender = open_sender()
    pair_phones(sender.tenant, 1)
    device = Device.objects.get(tenant=sender.tenant)
    with running(GATEWAY) as gateway:
        posting = Posting(
            gateway, sender, batch_requests(sender.api_key), CONNECTIONS, seconds=SECONDS
        )
        posting.warm_up()
        inserts.run(device, WARM_UP_SECONDS)
        contestants = {"floor_c": lambda: inserts.run(device, SECONDS), "batch": posting.run}
        runs = take_turns(ROUNDS, contestants)
    floor = f"floor C: multi-row INSERT by psycopg, {inserts.CONNECTIONS} connections"
    batch = f"POST /v1/messages/batch of 1,000, {CONNECTIONS} connections"
    return [
        *_figures("floor_c", floor, runs["floor_c"], ("postgres",)),
        *_figures("batch", batch, runs["batch"], ("web", "postgres")),
    ]


def _figures(key: str, label: str, runs: list[Run], servers: tuple[str, ...]) -> list[Figure]:
    """As `posting.figures_of`, but for messages instead of requests."""
    latencies = [run.quantile(0.5) * 1e3 for run in runs]
    return [
        Figure.median(f"{key}.rate", label, [run.rate * BATCH for run in runs], "messages/s"),
        Figure.median(f"{key}.p50", "  p50 of 1,000 messages", latencies, "ms"),
        *(
            Figure.median(
                f"{key}.cpu.{server}",
                f"  CPU per message, {server}",
                [run.cpu_per_request(server) / BATCH * 1e3 for run in runs],
                "ms",
            )
            for server in servers
        ),
    ]
