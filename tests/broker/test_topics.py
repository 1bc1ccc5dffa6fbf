"""Topic names, topic filters, and who may use them."""

import pytest

from cloud_sim.broker.access import Access
from cloud_sim.broker.topics import covers, is_topic_filter, is_topic_name, matches


@pytest.mark.parametrize(
    ("topic_filter", "topic"),
    [
        ("a/b", "a/b"),
        ("a/+", "a/b"),
        ("a/#", "a/b/c"),
        ("a/#", "a"),
        ("#", "a/b"),
        ("+/+", "/a"),
        ("a/+", "a/"),
    ],
)
def test_a_filter_matches(topic_filter: str, topic: str) -> None:
    assert matches(topic_filter, topic)


@pytest.mark.parametrize(
    ("topic_filter", "topic"),
    [
        ("a/b", "a"),
        ("a", "a/b"),
        ("a/+", "a"),
        ("a/+", "a/b/c"),
        ("+", "/a"),
        ("#", "$SYS/x"),
        ("+/x", "$SYS/x"),
    ],
)
def test_a_filter_does_not_match(topic_filter: str, topic: str) -> None:
    assert not matches(topic_filter, topic)


@pytest.mark.parametrize("text", ["", "a#", "a/#/b", "#/a", "a+", "a/+b/c"])
def test_these_are_no_topic_filters(text: str) -> None:
    assert not is_topic_filter(text)


@pytest.mark.parametrize("text", ["#", "+", "/", "a/+/b/#", "+/a", "a//b"])
def test_these_are_topic_filters(text: str) -> None:
    assert is_topic_filter(text)


def test_a_topic_name_has_no_wildcards() -> None:
    assert is_topic_name("lock/v1/a/up/status")
    assert not any(map(is_topic_name, ("", "a/+", "#")))


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [("a/#", "#"), ("a/#", "+/b"), ("a/+", "a/#"), ("a/b", "a/+"), ("a/+", "a"), ("a", "a/b")],
)
def test_a_filter_does_not_cover_what_reaches_further(wide: str, narrow: str) -> None:
    assert not covers(wide, narrow)


@pytest.mark.parametrize(
    "topic_filter", ["#", "+/#", "lock/#", "lock/v1/+/down/#", "lock/v1/b/down/#", "lock/v1/a/#"]
)
def test_a_lock_may_not_subscribe_beyond_its_own_topics(topic_filter: str) -> None:
    assert not Access("a").may_subscribe(topic_filter)


@pytest.mark.parametrize("topic_filter", ["lock/v1/a/down/#", "lock/v1/a/down/+", "lock/v1/a/down/ack"])
def test_a_lock_may_subscribe_to_its_own_topics(topic_filter: str) -> None:
    assert Access("a").may_subscribe(topic_filter)


@pytest.mark.parametrize("identity", ["", "+", "#", "a/b", "A", "a" * 41, "a\n"])
def test_a_name_that_could_reach_into_other_topics_has_no_rights_at_all(identity: str) -> None:
    with pytest.raises(ValueError, match="not a device id"):
        Access(identity)
