"""Who may post to an ingress: its token, its signature, and how often."""

from __future__ import annotations

from accounts.errors import GatewayError, NotFound, TenantInactive
from accounts.secrets import decrypt
from accounts.services.limits import Allowance, Limit, spend
from integrations.ingress.bodies import Posted, check_size
from integrations.ingress.errors import InvalidSignature
from integrations.ingress.models import Ingress
from integrations.ingress.queries import enabled_ingress
from integrations.ingress.services.log import record_refusal
from webhooks.signing import verify_mac

# A known token is served whatever else its address tries: business systems share their addresses.
_UNKNOWN_TOKENS = Limit("ingress-unknown", 60, 60)
_UNPROVEN = Limit("ingress-unproven", 60, 60)


def ingress_of(*, token: str, address: str) -> Ingress:
    """The ingress that `token` opens, for a request from the network address `address`.

    Raises NotFound for an unknown, rotated or disabled one (RateLimited after 60 in a minute), and
    TenantInactive.
    """
    ingress = enabled_ingress(token)
    if ingress is None:
        spend(_UNKNOWN_TOKENS, address)
        raise NotFound
    if not ingress.tenant.is_active:
        raise TenantInactive
    return ingress


def admit(*, ingress: Ingress, posted: Posted) -> Allowance:
    """Check size and signature, and count the request; what is left of the ingress's allowance.

    Raises PayloadTooLarge and InvalidSignature, which do not count against the allowance of those
    who sign, and RateLimited.
    """
    try:
        check_size(posted)
        _check_signature(ingress, posted)
    except GatewayError as error:
        spend(_UNPROVEN, str(ingress.pk))
        record_refusal(ingress=ingress, posted=posted, extraction=None, error=error)
        raise
    return spend(Limit("ingress", ingress.requests_per_minute, 60), str(ingress.pk))


def _check_signature(ingress: Ingress, posted: Posted) -> None:
    if ingress.signing_secret and not verify_mac(
        decrypt(ingress.signing_secret), posted.signature, posted.body
    ):
        raise InvalidSignature
