"""How a receiver verifies a signature, in five languages.

The same as in docs/webhooks.md, where a test compares them, and runs those that are Python.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """A language; `plain` verifies X-MAC-Signature, `library` Standard Webhooks by a package."""

    slug: str
    title: str
    plain: str
    library: str


RECIPES = (
    Recipe(
        "python",
        "Python",
        r"""import hashlib
import hmac


def is_genuine(secret: str, headers: dict[str, str], body: bytes) -> bool:
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), headers["X-MAC-Signature"].encode())
""",
        r"""from standardwebhooks import Webhook

payload = Webhook(secret).verify(body, headers)  # raises WebhookVerificationError
""",
    ),
    Recipe(
        "node",
        "Node",
        r"""import { createHmac, timingSafeEqual } from "node:crypto";

// body: a Buffer, as in express.raw({ type: "application/json" })
export function isGenuine(secret, headers, body) {
  const expected = Buffer.from("sha256=" + createHmac("sha256", secret).update(body).digest("hex"));
  const given = Buffer.from(headers["x-mac-signature"] ?? "");
  return given.length === expected.length && timingSafeEqual(given, expected);
}
""",
        r"""import { Webhook } from "standardwebhooks";

const payload = new Webhook(secret).verify(body.toString(), headers); // throws WebhookVerificationError
""",  # noqa: E501 - as the page has it
    ),
    Recipe(
        "php",
        "PHP",
        r"""function is_genuine(string $secret, string $body): bool
{
    $expected = 'sha256=' . hash_hmac('sha256', $body, $secret);
    return hash_equals($expected, $_SERVER['HTTP_X_MAC_SIGNATURE'] ?? '');
}

$genuine = is_genuine($secret, file_get_contents('php://input'));
""",
        r"""$payload = (new \StandardWebhooks\Webhook($secret))->verify($body, [   // throws
    'webhook-id' => $_SERVER['HTTP_WEBHOOK_ID'],
    'webhook-timestamp' => $_SERVER['HTTP_WEBHOOK_TIMESTAMP'],
    'webhook-signature' => $_SERVER['HTTP_WEBHOOK_SIGNATURE'],
]);
""",
    ),
    Recipe(
        "go",
        "Go",
        r"""package hooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

func IsGenuine(secret string, header http.Header, body []byte) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	expected := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	return hmac.Equal([]byte(expected), []byte(header.Get("X-MAC-Signature")))
}
""",
        r"""webhook, err := standardwebhooks.NewWebhook(secret)
if err == nil {
	err = webhook.Verify(body, request.Header)
}
""",
    ),
    Recipe(
        "ruby",
        "Ruby",
        r"""require "openssl"

def genuine?(secret, signature, body)
  expected = "sha256=" + OpenSSL::HMAC.hexdigest("SHA256", secret, body)
  OpenSSL.secure_compare(expected, signature.to_s)
end

genuine?(secret, request.get_header("HTTP_X_MAC_SIGNATURE"), request.body.read)
""",
        r"""require "standardwebhooks"

StandardWebhooks::Webhook.new(secret).verify(body, {   # raises
  "webhook-id" => request.get_header("HTTP_WEBHOOK_ID"),
  "webhook-timestamp" => request.get_header("HTTP_WEBHOOK_TIMESTAMP"),
  "webhook-signature" => request.get_header("HTTP_WEBHOOK_SIGNATURE"),
})
""",
    ),
)


def recipe_in(slug: str) -> Recipe:
    """The recipe in the language `slug`; the first one for any other text."""
    return next((recipe for recipe in RECIPES if recipe.slug == slug), RECIPES[0])
