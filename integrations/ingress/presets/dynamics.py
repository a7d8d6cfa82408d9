"""Microsoft Dynamics 365 and Dataverse: a webhook of a plug-in step, or a Power Automate flow.

Source: "Use webhooks to create external handlers for server events",
https://learn.microsoft.com/en-us/power-apps/developer/data-platform/use-webhooks. A webhook posts
the RemoteExecutionContext as JSON: the row that was written is the input parameter `Target`, with
only the attributes that changed, and dictionaries are arrays of `{"key", "value"}`, which paths
enter by the key. Attributes that did not change are in an image of the step, if it has one that is
named PostImage. A flow posts the row itself, `{"mobilephone": …}`, or what its author composes.
"""

from integrations.ingress.presets.preset import Preset

_TARGET = "InputParameters.Target.Attributes"
_IMAGE = "PostEntityImages.PostImage.Attributes"

DYNAMICS = Preset(
    slug="dynamics",
    title="Microsoft Dynamics 365",
    source=(
        "Use webhooks to create external handlers for server events, Microsoft Learn",
        "https://learn.microsoft.com/en-us/power-apps/developer/data-platform/use-webhooks",
    ),
    to=(
        "to",
        f"{_TARGET}.mobilephone",
        f"{_IMAGE}.mobilephone",
        f"{_TARGET}.telephone1",
        f"{_IMAGE}.telephone1",
        f"{_TARGET}.phonenumber",
        "mobilephone",
        "telephone1",
    ),
    text=("text", "message", f"{_TARGET}.description", f"{_IMAGE}.description", "description"),
    ref=("ref", "PrimaryEntityId", "contactid", "accountid", "activityid"),
    steps=(
        "Open the Plug-in Registration Tool, and choose Register New Web Hook.",
        "Paste the ingress URL as endpoint, and choose HttpHeader with any header and value.",
        "Register a step on the message Create or Update of your table, asynchronous, in the stage "
        "PostOperation.",
        "For Update register a post image named PostImage with the number and the text.",
        "The text is the column description; for another name its path here, such as "
        "InputParameters.Target.Attributes.cr123_smstext.",
        "Write a row, and look at the payload log here.",
    ),
)
