"""What `make run` prints when everything is up."""

import shlex
from pathlib import Path

from gateway_site.embedded.children import PHONE_NAME
from gateway_site.embedded.first_run import FILE_NAME, FirstRun

EXAMPLE_RECIPIENT = "+6581230000"


def banner(first_run: FirstRun, data_dir: Path, *, is_first_start: bool) -> str:
    """The text for the terminal. Password and API key are shown on the first start only."""
    secrets_file = data_dir / FILE_NAME
    rows = [("Dashboard", first_run.dashboard_url), ("E-mail", first_run.email)]
    if is_first_start:
        rows += [("Password", first_run.password), ("API key", first_run.api_key)]
        key = first_run.api_key
    elif first_run.api_key:
        rows += [("Password, API key", f"in {secrets_file} since the first start")]
        key = _key_from(secrets_file)
    else:  # the database was filled by somebody else
        rows += [("API key", "one of your own")]
        key = "YOUR_API_KEY"
    if first_run.device_id:
        rows += [("Phone", f"{PHONE_NAME} (simulated), {first_run.device_id}")]
    rows += [("Logs", str(data_dir / "logs"))]
    table = "\n".join(f"  {name:<18} {value}" for name, value in rows)
    return (
        f"\nThe gateway is running.\n\n{table}\n\n"
        f"Send a text (paste this into another terminal):\n\n{_curl(first_run.api_url, key)}\n\n"
        "Ctrl-C stops everything.\n"
    )


def _key_from(secrets_file: Path) -> str:
    """A shell substitution that reads the API key, so that it is not on the screen again."""
    pattern = shlex.quote(r's/.*"api_key": "\(.*\)".*/\1/p')
    return f"$(sed -n {pattern} {shlex.quote(str(secrets_file))})"


def _curl(api_url: str, key: str) -> str:
    body = f'{{"to": "{EXAMPLE_RECIPIENT}", "text": "Hello from the gateway"}}'
    return (
        f"  curl -X POST {shlex.quote(api_url + '/messages')} \\\n"
        f'    -H "Authorization: Bearer {key}" \\\n'
        f"    -H 'Content-Type: application/json' \\\n"
        f"    -d {shlex.quote(body)}"
    )
