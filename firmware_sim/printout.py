"""What lock-sim prints once everything answers: what to open and what to type."""

import shlex
from collections.abc import Iterator

from cloud_sim.state_directory import StateDirectory
from firmware_sim.site_directory import SiteDirectory
from firmware_sim.site_processes import Site

EXAMPLE_CODE = "493817"


def instructions(site: Site, *, is_default_directory: bool) -> Iterator[str]:
    """Lines to read once and to copy from."""
    directory = site.directory
    where = "" if is_default_directory else f" --state-dir {shlex.quote(str(directory.root))}"
    base_url = site.ready_document()["device_cloud"]["base_url"]
    curl = f"curl -sS {_bearer(directory)}"
    first = site.doors[0]
    yield f"The site is up: {len(site.doors)} door(s), cloud at {base_url}, broker at {site.record.mqtt_url}"
    key_file = StateDirectory(directory.cloud).seam_api_key
    yield f"Seam-compatible API at {site.seam_url}, its key in {key_file}"
    yield f"State and logs: {directory.root}"
    yield ""
    for door in site.doors:
        yield f"  door {door.number}: lock {door.device_id}, board {door.board}"
    yield ""
    yield "1. Watch door 1, in another terminal:"
    yield f"  lockctl --socket {shlex.quote(str(first.control_socket))} watch"
    yield "2. Create an access code over HTTP:"
    lock = f"{base_url}/locks/{first.device_id}"
    body = shlex.quote(f'{{"name": "Visitor", "code": "{EXAMPLE_CODE}"}}')
    yield f"  {curl} -H 'Content-Type: application/json' -d {body} {lock}/access_codes"
    yield "3. Type it at the keypad, and walk through:"
    yield f"  lock-sim type{where} 1 '{EXAMPLE_CODE}#'"
    yield f"  lock-sim door{where} 1 open; lock-sim door{where} 1 close; lock-sim state{where} 1"
    yield "4. See it at the cloud:"
    yield f"  {curl} {lock}/events"
    yield ""
    yield "Ctrl-C stops everything."


def _bearer(directory: SiteDirectory) -> str:
    return f'-H "Authorization: Bearer $(cat {shlex.quote(str(directory.token_file))})"'
