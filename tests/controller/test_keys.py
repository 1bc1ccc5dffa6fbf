"""Other keys of the cloud: taken from the newest one alone, kept whole, dropped when their time is over."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from agent.envelope import OKPKey, kid_of, new_sealing_key, new_signing_key
from agent.messages import Keys, KeysReceived, PinnedKey
from firmware_sim.enrolled import CLOUD_SEALING, CLOUD_SIGNING, jwk_of
from firmware_sim.site import Site
from firmware_sim.virtual_parts import NOON
from hal.ports import Pattern
from tests.complaints.pair import sleep
from tests.controller.test_clock import rebooted

OLD, NEW, NEWER = CLOUD_SIGNING, new_signing_key(), new_signing_key()
NEW_SEALING = new_sealing_key()
MONTH_S = 30 * 24 * 3600


def keys(
    newest: OKPKey, *older: OKPKey, sealing: OKPKey = CLOUD_SEALING, until: int = NOON + MONTH_S
) -> Keys:
    retiring = [PinnedKey(key=jwk_of(key, private=False), until=until) for key in older]
    newest_first = [PinnedKey(key=jwk_of(newest, private=False)), *retiring]
    return Keys(signing=newest_first, sealing=jwk_of(sealing, private=False))


def tell(site: Site, rev: int, told: Keys, signer: OKPKey = OLD) -> None:
    """What the uplink posts once a pinned key has signed it."""
    site.say(KeysReceived(rev, told, kid_of(signer), 1))


def believed(site: Site) -> list[OKPKey]:
    """Of the three keys those whose messages count, the newest first."""
    terms = site.ring.enrolment.terms
    named = {kid_of(key): key for key in (OLD, NEW, NEWER)}
    others = sorted(set(terms.cloud_signing) - {terms.newest_signer})
    return [named[kid] for kid in (terms.newest_signer, *others)]


def test_a_new_key_counts_beside_the_old_one(site: Site) -> None:
    tell(site, 1, keys(NEW, OLD))
    assert believed(site) == [NEW, OLD]
    assert site.uplink.rekeyed == [site.ring.enrolment]
    assert site.controller.keys.rev == site.uplink.statuses[-1]["keys_rev"] == 1
    (row,) = site.journal("keys_changed")
    assert (row["detail"]["rev"], row["detail"]["cloud_signing"]) == (1, kid_of(NEW))


def test_no_key_is_in_the_journal(site: Site) -> None:
    tell(site, 1, keys(NEW, OLD, sealing=NEW_SEALING))
    text = str(site.journal())
    assert all(jwk_of(key, private=False)["x"] not in text for key in (OLD, NEW, NEW_SEALING))


def test_it_outlives_a_restart(tmp_path: Path) -> None:
    site = Site(tmp_path)
    tell(site, 1, keys(NEW, OLD, sealing=NEW_SEALING))
    site.close()
    site = Site(tmp_path, site.clock)
    assert believed(site) == [NEW, OLD]
    assert site.ring.enrolment.terms.cloud_sealing == jwk_of(NEW_SEALING, private=False)
    site.close()


def test_what_is_told_again_changes_nothing(site: Site) -> None:
    for _ in range(3):
        tell(site, 1, keys(NEW, OLD))
    assert (len(site.journal("keys_changed")), len(site.uplink.rekeyed), site.refusals()) == (1, 1, [])


def test_an_old_key_that_still_counts_changes_no_keys(site: Site) -> None:
    """Else whoever stole it would have thirty days to throw the new one out."""
    tell(site, 1, keys(NEW, OLD))
    tell(site, 2, keys(NEWER), signer=OLD)
    assert (believed(site), site.refusals()) == ([NEW, OLD], ["retiring_key"])
    tell(site, 2, keys(NEWER, NEW), signer=NEW)
    assert believed(site) == [NEWER, NEW]


def test_an_older_announcement_is_refused_and_another_one_under_the_same_number(site: Site) -> None:
    tell(site, 5, keys(NEW, OLD))
    tell(site, 4, keys(NEWER), signer=NEW)
    tell(site, 5, keys(NEWER), signer=NEW)
    assert (believed(site), site.refusals()) == ([NEW, OLD], ["stale_revision", "conflicting_revision"])


def test_a_revoked_key_is_gone_at_once(site: Site) -> None:
    tell(site, 1, keys(NEW, OLD))
    tell(site, 2, keys(NEW), signer=NEW)
    assert believed(site) == [NEW]


def test_an_old_key_counts_until_its_time_is_certainly_over(site: Site) -> None:
    tell(site, 1, keys(NEW, OLD))
    sleep(site, MONTH_S - 3600)
    assert believed(site) == [NEW, OLD]
    sleep(site, 2 * 3600)
    assert believed(site) == [NEW]
    assert len(site.journal("keys_changed")) == 2
    tell(site, 1, keys(NEW, OLD))
    assert site.refusals() == []


def test_without_a_clock_no_key_ends(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.connect()
    tell(site, 1, keys(NEW, OLD))
    site.close()
    site = Site(tmp_path, rebooted(site.clock))
    sleep(site, 2 * MONTH_S)
    assert believed(site) == [NEW, OLD]
    site.close()


def test_a_lock_that_was_away_longer_than_that_is_told_in_one_step(site: Site) -> None:
    tell(site, 1, keys(NEWER, OLD, NEW, until=NOON - 1))
    assert NEW in believed(site)  # for what is on its way
    site.wait(601.0)
    assert believed(site) == [NEWER]


OTHERS: dict[str, Any] = {
    "no newest": Keys(signing=keys(NEW, OLD).signing[1:], sealing=jwk_of(CLOUD_SEALING, private=False)),
    "two newest": Keys(
        signing=[*keys(NEW).signing, *keys(NEWER).signing], sealing=jwk_of(CLOUD_SEALING, private=False)
    ),
    "one twice": keys(NEW, NEW),
    "a sealing key that signs": keys(NEW_SEALING),
    "a signing key that seals": keys(NEW, sealing=NEWER),
    "a private key": Keys(
        signing=[PinnedKey(key=jwk_of(NEW, private=True))], sealing=jwk_of(CLOUD_SEALING, private=False)
    ),
    "no key": Keys(signing=[PinnedKey(key={})], sealing=jwk_of(CLOUD_SEALING, private=False)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_keys_that_are_not_what_they_should_be_are_refused_whole(site: Site, name: str) -> None:
    tell(site, 1, OTHERS[name])
    assert (believed(site), site.refusals()) == ([OLD], ["keys_invalid"])


def test_keys_that_cannot_be_kept_do_not_count(site: Site, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "enrolment")
    tell(site, 1, keys(NEW, OLD))
    assert (believed(site), site.uplink.rekeyed) == ([OLD], [])
    assert site.indicator.pattern is Pattern.FAULT
