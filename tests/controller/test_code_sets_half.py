"""Code sets that never came whole, and what a newer one makes of what they left behind."""

from pathlib import Path
from typing import Any

import pytest

from agent.core.code_set import bucket_of
from firmware_sim.site import Site, code_row
from tests.controller.test_code_sets import ANNA, BEN, many


def half_removed(site: Site, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The site holds `rows`; of a set without the first of them only that bucket arrives. Returns it."""
    site.install(*rows)
    wanted = rows[1:] + [code_row(ANNA, "493817"), code_row(BEN, "246802")]
    site.offer(wanted, buckets=16)
    site.say(site.bucket(wanted, bucket_of(rows[0]["access_code_id"], 16), 16))
    site.uplink.requests.clear()
    return rows[0]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_code_removed_by_half_a_set_is_back_and_stays_when_a_newer_set_has_it(
    tmp_path: Path, restarts: bool
) -> None:
    rows, site = many(40), Site(tmp_path)
    site.connect()
    back = half_removed(site, rows)
    if restarts:
        site = restarted(site)
    site.type(back["code"] + "#")
    assert site.reasons()[-1] == "revoked"
    site.install(*rows)
    site.type(back["code"] + "#")
    site = restarted(site)
    site.type(back["code"] + "#")
    assert len(site.journal("access_granted")) == 2
    site.close()


def restarted(site: Site) -> Site:
    """The same door with a new agent."""
    site.close()
    again = Site(Path(site.store.database.path).parent, site.clock)
    again.connect()
    return again


def test_a_use_while_new_rules_of_the_code_arrive_is_not_forgotten(site: Site) -> None:
    rows = [
        code_row(f"{n:08x}-0000-4000-8000-000000000000", f"{n + 10_000_000}", max_uses=1) for n in range(40)
    ]
    site.install(*rows)
    wanted = [row | {"max_uses": 2} for row in rows]
    site.offer(wanted)
    for index in range(15):
        site.say(site.bucket(wanted, index, 16))
    for row in rows:
        site.type(row["code"] + "#")
    site.deliver(wanted)
    for row in rows:
        site.type(row["code"] + "#")
    site.type(rows[0]["code"] + "#" + rows[-1]["code"] + "#")
    assert (site.strike.releases, site.reasons()) == (80, ["used_up"] * 2)
