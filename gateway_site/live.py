"""Telling open pages that something changed: a number and what to look at again, no content.

Handlers collect topics after the commit; one thread in each process sends them on, a few times a
second at most, and only for tenants of whom somebody has a page open. A notice may be lost: notices
are numbered for each tenant, and a page that sees a gap looks at everything again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import redis
import structlog
from channels.layers import get_channel_layer
from django.db import transaction

from accounts.redis import connection
from devices.events import DeviceEvent
from messaging.events import (
    ContactUnsubscribed,
    ConversationChanged,
    MessageReceived,
    MessagingEvent,
)

log = structlog.get_logger(__name__)

REST_SECONDS = 0.3
WATCHED_SECONDS = 90
# More than this many changed messages at once are told as "messages" alone.
MOST_MESSAGES = 50


def group_of(tenant_id: int) -> str:
    """The Channels group of a tenant's open pages."""
    return f"browser.{tenant_id}"


def watch(tenant_id: int) -> int:
    """Note that a page of the tenant is open; the number of the last notice."""
    pipe = connection().pipeline()
    pipe.set(f"live:watched:{tenant_id}", 1, ex=WATCHED_SECONDS)
    pipe.get(f"live:seq:{tenant_id}")
    return int(pipe.execute()[1] or 0)


def message_events(
    events: Sequence[MessagingEvent | ContactUnsubscribed | ConversationChanged],
) -> None:
    """Named in `MESSAGE_EVENT_HANDLERS`."""
    for tenant_id, topics in topics_of(events).items():
        tell(tenant_id, topics)


def topics_of(
    events: Sequence[MessagingEvent | ContactUnsubscribed | ConversationChanged],
) -> dict[int, set[str | int]]:
    """Tenant -> what its pages should look at again, as `tell` takes it."""
    topics: dict[int, set[str | int]] = defaultdict(set)
    for event in events:
        if isinstance(event, MessagingEvent):
            topics[event.tenant_id] |= {"messages", event.message_id}
        if isinstance(event, MessageReceived):
            topics[event.tenant_id] |= {"conversations", "rules"}
        elif isinstance(event, ConversationChanged):
            row = f"conversation-{event.conversation_id}"  # of the list
            topics[event.tenant_id] |= {"conversations", row}
    return dict(topics)


def device_events(events: Sequence[DeviceEvent]) -> None:
    """Named in `DEVICE_EVENT_HANDLERS`."""
    for event in events:
        tell(event.tenant_id, {"devices"})


def tell(tenant_id: int, topics: set[str | int]) -> None:
    """Have the tenant's open pages look again at `topics`, after the commit.

    A topic is a word that pages know (static/js/live.js), or a message's primary key.
    """
    transaction.on_commit(partial(_teller.add, tenant_id, topics), robust=True)


class _Teller:
    """One thread for each process, so that no request waits for Redis (see devices/wakeup.py)."""

    def __init__(self) -> None:
        self._pending: dict[int, set[str | int]] = defaultdict(set)
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, tenant_id: int, topics: set[str | int]) -> None:
        with self._condition:
            self._pending[tenant_id] |= topics
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="teller", daemon=True)
                self._thread.start()
            self._condition.notify()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            while True:
                with self._condition:
                    while not self._pending:
                        self._condition.wait()
                    pending, self._pending = self._pending, defaultdict(set)
                try:
                    runner.run(_send(pending))
                except (OSError, redis.RedisError) as error:  # the next number shows the gap
                    log.warning("live notices lost", tenants=len(pending), error=repr(error))
                time.sleep(REST_SECONDS)


async def _send(pending: dict[int, set[str | int]]) -> None:
    layer = get_channel_layer()
    for tenant_id, topics in pending.items():
        if not connection().exists(f"live:watched:{tenant_id}"):
            continue
        seq = connection().incr(f"live:seq:{tenant_id}")
        messages = [topic for topic in topics if isinstance(topic, int)]
        await layer.group_send(
            group_of(tenant_id),
            {
                "type": "notice",
                "seq": seq,
                "topics": sorted(topic for topic in topics if isinstance(topic, str)),
                "messages": messages if len(messages) <= MOST_MESSAGES else [],
            },
        )


_teller = _Teller()
