"""Any system that can post JSON.

The default mapping is the native API's own field names. Source: "Ingress" in docs/ingress.md.
"""

from integrations.ingress.presets.preset import Preset

GENERIC = Preset(
    slug="generic",
    title="Generic JSON",
    source=("JSON (RFC 8259)", "https://www.rfc-editor.org/rfc/rfc8259"),
    to=("to",),
    text=("text",),
    ref=("ref",),
    steps=(
        "Copy the ingress URL into the system that is to send.",
        "Let it POST JSON with Content-Type: application/json.",
        "Name the fields to, text and ref, or enter the paths of your own fields here.",
        "Send a sample payload through the dry run and look at what was found.",
    ),
)
