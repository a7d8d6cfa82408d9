"""From what a service refuses to the fields of a form."""

import re

from django.forms import Form

from accounts.errors import GatewayError


def show_error(form: Form, error: GatewayError) -> None:
    """Say at its field what is wrong there, and the rest at the top of `form`.

    A service names fields as the API does: `sendAt` and `sendAt[0].x` are the form's `send_at`.
    """
    for issue in error.issues:
        top = re.split(r"[.\[]", issue.path, maxsplit=1)[0]
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", top).lower()
        form.add_error(name if name in form.fields else None, issue.message)
    if not error.issues:
        form.add_error(None, error.message)
