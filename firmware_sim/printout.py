"""What lock-sim prints once everything answers: what to open and what to type."""

import shlex
from collections.abc import Iterator

from firmware_sim.shell_file import shell_file
from firmware_sim.site_processes import Site

EXAMPLE_CODE = "493817"
PROGRAMMING_CODE = "246802"
CODE_OF_THE_DOOR = "135790"
ALL_DAY = """{"zone": "Europe/Berlin", "weekly": [{"days": [1, 2, 3, 4, 5, 6, 7],
    "from": "00:00", "to": "00:00", "mode": "passage"}]}"""


def instructions(site: Site, *, is_default_directory: bool) -> Iterator[str]:
    """Lines to read once and to copy from; what is to be typed begins with two spaces."""
    yield from _parts(site)
    yield ""
    yield "In each other terminal, first:"
    yield f"  . {shlex.quote(str(shell_file(site.directory)))}"
    yield ""
    root = shlex.quote(str(site.directory.root))
    where = "" if is_default_directory else f" --state-dir {root}"
    yield from _first_visit(where)
    yield from _more(where)
    if site.options.broker == "builtin":
        yield from _without_network(where)
    yield ""
    yield "Ctrl-C stops everything."


def _parts(site: Site) -> Iterator[str]:
    ready = site.ready_document()
    yield f"The site is up: {len(site.doors)} door(s). State and logs: {site.directory.root}"
    yield f"cloud     {ready['device_cloud']['base_url']}"
    yield f"Seam API  {ready['seam_api']['base_url']}"
    yield f"broker    {site.record.mqtt_url}"
    for door in site.doors:
        yield f"door {door.number:<4} lock {door.device_id}, board {door.board}"


def _first_visit(where: str) -> Iterator[str]:
    yield "1. Watch door 1:"
    yield "  lockctl watch"
    yield "2. In one more terminal, create an access code over HTTP:"
    yield from _post("access_codes", f'{{"name": "Visitor", "code": "{EXAMPLE_CODE}"}}')
    yield "3. Type it at the keypad, and walk through:"
    yield f"  lock-sim type{where} 1 '{EXAMPLE_CODE}#'"
    yield f"  lock-sim door{where} 1 open; lock-sim door{where} 1 close; lock-sim state{where} 1"
    yield "4. See it at the cloud:"
    yield '  curl -sS -H "$AUTH" $BASE/locks/$LOCK_ID/events'


def _more(where: str) -> Iterator[str]:
    yield "5. Make a code at the keypad, with a programming code:"
    body = f'{{"name": "Host", "code": "{PROGRAMMING_CODE}", "kind": "programming"}}'
    yield from _post("access_codes", body)
    new = CODE_OF_THE_DOOR
    yield f"  lock-sim type{where} 1 '{PROGRAMMING_CODE}#'; lock-sim type{where} 1 '1{new}#{new}#'"
    yield f"  lock-sim type{where} 1 '{new}#'"
    yield "6. Have a schedule free the door all day, and take it back:"
    yield from _post("mode_schedule", ALL_DAY, "-X PUT ")
    yield "  lockctl mode"
    yield '  curl -sS -X DELETE -H "$AUTH" $BASE/locks/$LOCK_ID/mode_schedule'
    yield "7. Issue an offline code, which nobody brings to the lock, and type its digits:"
    yield from _post("access_codes", '{"is_offline_access_code": true, "is_one_time_use": true}')
    yield f"  lock-sim type{where} 1 'DIGITS#'"


def _without_network(where: str) -> Iterator[str]:
    yield "8. Cut door 1 off from the network: its codes go on opening. Then put it back:"
    yield from _cut("disconnect")
    yield f"  lock-sim type{where} 1 '{EXAMPLE_CODE}#'; lockctl status"
    yield from _cut("connect")


def _post(what: str, body: str, verb: str = "") -> Iterator[str]:
    yield f'  curl -sS {verb}-H "$AUTH" -H "$JSON" $BASE/locks/$LOCK_ID/{what} \\'
    yield f"    -d {shlex.quote(body)}"


def _cut(what: str) -> Iterator[str]:
    yield '  curl -sS -X POST -H "Authorization: Bearer $SEAM_API_KEY" \\'
    yield f'    "$SEAM_ENDPOINT/devices/simulate/{what}?device_id=$LOCK_ID"'
