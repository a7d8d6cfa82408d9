"""What clients send about ingresses."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from accounts.api.bodies import check_depth
from accounts.errors import InvalidInput
from integrations.ingress.wishes import SIGNING_HEADER, IngressWish

Name = Annotated[str, Meta(min_length=1, max_length=100)]
PerMinute = Annotated[int, Meta(ge=1, le=60_000)]
Text = str | None | UnsetType

# What null stands for, by the wish's field.
_DEFAULTS = {
    "to_path": "",
    "text_path": "",
    "ref_path": "",
    "text_template": "",
    "signing_secret": "",
    "signing_header": SIGNING_HEADER,
    "outbound_url": "",
}


class IngressPatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be changed. A field that is left out stays; null takes what was set away."""

    name: Name | UnsetType = UNSET
    preset: str | UnsetType = UNSET
    to_path: Annotated[
        Text, Meta(description="Where the number is: `customer.phone`, or JSONPath.")
    ] = UNSET
    text_path: Annotated[Text, Meta(description="Where the text is.")] = UNSET
    ref_path: Annotated[Text, Meta(description="Where your own id is.")] = UNSET
    text_template: Annotated[
        Text, Meta(description="Composes the text, and goes before `textPath`.")
    ] = UNSET
    signing_secret: Annotated[
        Text, Meta(description="Asks for an HMAC-SHA256 of the body with it.")
    ] = UNSET
    signing_header: Annotated[Text, Meta(description="The header that has the HMAC.")] = UNSET
    outbound_url: Annotated[
        Text, Meta(description="A URL that gets every inbound text of the account.")
    ] = UNSET
    once_per_ref: Annotated[
        bool | UnsetType, Meta(description="Whether an id that comes again sends nothing.")
    ] = UNSET
    requests_per_minute: PerMinute | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET

    def changes(self) -> dict[str, Any]:
        """The fields that were given, as those of an IngressWish."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        given["is_enabled"] = given.pop("enabled")
        return {
            name: _DEFAULTS[name] if value is None else value
            for name, value in given.items()
            if value is not UNSET
        }


class IngressIn(IngressPatch, kw_only=True):
    """A new ingress: `preset` is generic, zoho, salesforce, dynamics, odoo or netsuite."""

    name: Name
    preset: str

    def wish(self) -> IngressWish:
        return IngressWish(**self.changes())


class DryRunIn(msgspec.Struct, rename="camel"):
    """Either `payload`, any JSON, or `payloadId`, a payload of the log."""

    payload: Any = UNSET
    payload_id: str | None = None

    def check(self) -> None:
        """Raise InvalidInput unless there is one of both, not too deep."""
        if (self.payload is UNSET) == (self.payload_id is None):
            raise InvalidInput.at("payload", "conflict", "Give payload or payloadId, one of both.")
        if self.payload is not UNSET:
            check_depth(self.payload, "payload")
