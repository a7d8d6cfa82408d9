"""The socket of an open page: notices of what changed in the tenant that the person looks at."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import AnonymousUser

from accounts.ids import encode_id
from accounts.members import SESSION_KEY
from accounts.models import Membership
from devices.hub import run
from gateway_site.live import WATCHED_SECONDS, group_of, watch
from messaging.models import Message

NOT_A_MEMBER = 4403  # the page asks to log in again, and does not come back by itself


class BrowserConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """Sends `{"seq", "topics"}`; takes nothing. Closed when its member is one no more."""

    tenant_id: int = 0
    _watching: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        tenant_id = await run(_tenant_of, user=self.scope["user"], session=self.scope["session"])
        await self.accept()
        if tenant_id is None:
            await self.close(NOT_A_MEMBER)
            return
        self.tenant_id = tenant_id
        await self.channel_layer.group_add(group_of(tenant_id), self.channel_name)
        seq = await run(watch, tenant_id=tenant_id)
        await self.send_json({"seq": seq, "topics": []})
        self._watching = asyncio.create_task(self._watch())

    async def disconnect(self, code: int) -> None:
        if self._watching is not None:
            self._watching.cancel()
        if self.tenant_id:
            await self.channel_layer.group_discard(group_of(self.tenant_id), self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Pages have nothing to say."""

    async def notice(self, event: dict[str, Any]) -> None:
        """A notice of gateway_site/live.py, with messages by the ids that pages know."""
        ids: list[str] = []
        if event["messages"]:
            ids = await run(_external_ids, tenant_id=self.tenant_id, keys=event["messages"])
        await self.send_json({"seq": event["seq"], "topics": [*event["topics"], *ids]})

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCHED_SECONDS / 3)
            tenant_id = await run(
                _tenant_of, user=self.scope["user"], session=self.scope["session"]
            )
            if tenant_id != self.tenant_id:
                await self.close(NOT_A_MEMBER)
                return
            await run(watch, tenant_id=tenant_id)


def _tenant_of(*, user: Any, session: Any) -> int | None:
    """The tenant whose pages the person sees, if they may still."""
    if isinstance(user, AnonymousUser):
        return None
    memberships = Membership.objects.filter(user_id=user.pk, user__is_active=True)
    chosen = memberships.filter(tenant_id=session.get(SESSION_KEY, 0)).first()
    membership = chosen or memberships.order_by("pk").first()
    return membership.tenant_id if membership else None


def _external_ids(*, tenant_id: int, keys: list[int]) -> list[str]:
    """`msg_…` of those of the tenant's messages."""
    found = Message.objects.filter(tenant_id=tenant_id, pk__in=keys)
    return [
        encode_id(Message.ID_PREFIX, public_id)
        for public_id in found.values_list("public_id", flat=True)
    ]
