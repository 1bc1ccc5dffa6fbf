"""The journal: chained, durable, acknowledged, never lost."""

import hashlib
import json
from pathlib import Path

from agent.messages import Ack, AckReceived, MessageRefused, RowsWanted
from firmware_sim.site import Site


def test_every_row_is_chained_to_the_one_before(site: Site) -> None:
    site.type("493817#111111#")
    chained = site.store.journal.epoch
    for row in site.journal():
        plain = {key: value for key, value in row.items() if key != "hash"}
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        chained = hashlib.sha256(f"{chained}\n{text}".encode()).hexdigest()
        assert row["hash"] == chained


def test_the_chain_goes_on_after_a_restart(site: Site, tmp_path: Path) -> None:
    last = site.journal()[-1]
    site.close()
    again = Site(tmp_path, site.clock)
    assert again.store.journal.after(last["seq"] - 1, 1)[0]["hash"] == last["hash"]
    assert [row["seq"] for row in again.journal()] == list(range(1, len(again.journal()) + 1))
    again.close()


def test_the_uplink_gets_the_rows_it_asks_for_in_order(site: Site) -> None:
    site.say(RowsWanted(1, 2))
    assert [row["seq"] for row in site.uplink.sent] == [2, 3]


def test_an_acknowledgement_is_remembered_and_an_older_one_takes_nothing_back(site: Site) -> None:
    site.acknowledge(2)
    site.acknowledge(1)
    assert site.store.journal.acked_seq == 2


def test_acknowledgements_of_another_journal_or_of_rows_to_come_are_refused(site: Site) -> None:
    site.say(AckReceived(Ack(journal_epoch="0" * 16, upto=1), 1))
    site.acknowledge(10_000)
    reasons = [row["detail"]["reason"] for row in site.journal("message_refused")]
    assert (reasons, site.store.journal.acked_seq) == (["other_journal", "beyond_journal"], 0)


def test_a_flood_of_forged_messages_becomes_one_row_a_minute(site: Site) -> None:
    for _ in range(500):
        site.say(MessageRefused("desired", "bad_signature"))
    site.wait(61.0)
    counts = [row["detail"]["count"] for row in site.journal("message_refused")]
    assert counts == [1, 499]


def test_beyond_the_limit_acknowledged_rows_go_and_others_leave_a_gap_that_counts_them(site: Site) -> None:
    for _ in range(20):
        site.open_door()
        site.close_door()
    site.acknowledge(15)
    while site.store.journal.prune(keep=10):
        pass
    gap = site.journal()[0]
    assert (gap["kind"], gap["detail"]["from"]) == ("gap", 16)


def test_pruning_leaves_the_chain_whole_over_a_restart(site: Site, tmp_path: Path) -> None:
    site.acknowledge(site.store.journal.last_seq)
    last_seq = site.store.journal.last_seq
    site.store.journal.prune(keep=1)
    site.close()
    again = Site(tmp_path, site.clock)
    assert again.journal()[1]["seq"] == last_seq + 1
    again.close()
