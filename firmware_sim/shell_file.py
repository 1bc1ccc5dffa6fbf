"""env.sh: what a shell needs for the commands that lock-sim prints and docs/ shows, at a running site."""

import shlex
import sys
from pathlib import Path

from firmware_sim.site_directory import SiteDirectory, write_text_whole
from firmware_sim.site_processes import Site


def shell_file(directory: SiteDirectory) -> Path:
    """It is there only while the site runs: ports and doors may be others the next time."""
    return directory.root / "env.sh"


def write_shell_file(site: Site) -> None:
    """Write it, readable by its owner only: it holds the token and the key of the APIs. Door 1 is meant where
    a variable is for one door."""
    ready = site.ready_document()
    first = ready["doors"][0]
    values = {
        "SITE": str(site.directory.root),
        "BASE": ready["device_cloud"]["base_url"],
        "TOKEN": ready["device_cloud"]["token"],
        "LOCK_ID": first["device_id"],
        "LOCKCTL_SOCKET": first["control_socket"],
        "SEAM_ENDPOINT": ready["seam_api"]["base_url"],
        "SEAM_API_KEY": ready["seam_api"]["api_key"],
    }
    lines = [
        "# For a shell, while lock-sim runs:  . env.sh",
        f'PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"',
        *(f"export {name}={shlex.quote(value)}" for name, value in values.items()),
        'export AUTH="Authorization: Bearer $TOKEN" JSON="Content-Type: application/json"',
    ]
    write_text_whole(shell_file(site.directory), "".join(f"{line}\n" for line in lines))
