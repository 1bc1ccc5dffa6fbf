"""What a request may look like: queries and bodies of all SDKs, and what is wrong of them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cloud_sim.seam.errors import SeamError
from cloud_sim.seam.parameters import (
    FLAG,
    TIME,
    UUID,
    Parameter,
    choice,
    digits,
    many,
    read,
    required,
    text,
    whole,
)

A, B = "6f1c6f0c-5a5e-4c0e-9d4e-3c1f3c0a9b52", "2f0d6a55-6f0b-4f86-9a43-54c6a2f6c7a1"
DECLARED = (
    Parameter("ids", many(UUID)),
    Parameter("flag", FLAG),
    Parameter("name", text(1)),
    Parameter("limit", whole(1, 100)),
    Parameter("at", TIME),
    Parameter("code", digits(4, 12)),
    Parameter("type", choice("ongoing", "time_bound")),
)


def refused(declared: tuple[Parameter, ...], **body: Any) -> SeamError:
    with pytest.raises(SeamError) as caught:
        read(declared, {}, body)
    return caught.value


@pytest.mark.parametrize("texts", [[A, B], [f"{A},{B}"]])
def test_a_list_in_a_query_repeats_its_name_or_has_commas(texts: list[str]) -> None:
    assert read(DECLARED, {"ids": texts}, {}) == {"ids": [A, B]}


def test_texts_of_a_query_become_values() -> None:
    given = read(DECLARED, {"flag": ["true"], "limit": ["7"], "name": ["7"], "ids": [""]}, {})
    assert given == {"flag": True, "limit": 7, "name": "7", "ids": []}


def test_an_empty_text_and_a_null_are_an_explicit_nothing() -> None:
    assert read(DECLARED, {"name": [""]}, {"at": None}) == {"name": None, "at": None}


def test_the_body_wins_over_the_query() -> None:
    assert read(DECLARED, {"name": ["query"], "limit": ["1"]}, {"name": "body"}) == {
        "name": "body",
        "limit": 1,
    }


def test_what_is_not_declared_is_ignored() -> None:
    assert read(DECLARED, {"seen": ["1"]}, {"else": 2}) == {}


def test_a_missing_field_is_required() -> None:
    error = refused((required("device_id", UUID),))
    assert (error.status, error.error_type, error.message) == (400, "invalid_input", "device_id is required")
    assert error.validation_errors == {"_errors": [], "device_id": {"_errors": ["Required"]}}


def test_one_issue_names_its_field_and_several_are_counted() -> None:
    assert refused(DECLARED, ids=["x"]).message == 'Invalid uuid for "ids"'
    message = refused(DECLARED, ids=["x"], flag=1).message
    assert message == '2 Input Errors: Invalid uuid for "ids", Expected boolean, received number for "flag"'


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("flag", "true"),
        ("name", ""),
        ("name", 7),
        ("limit", 0),
        ("limit", 1.5),
        ("limit", "7"),
        ("limit", True),
        ("limit", float("nan")),
        ("ids", A),
        ("type", "never"),
        ("type", []),
        ("code", "123"),
        ("code", "1234567890123"),
        ("code", "12a4"),
        ("code", 1234),
        ("code", "١٢٣٤"),
        ("at", "soon"),
        ("at", "2030-01-01T00:00:00"),
        ("at", "0001-01-01T00:00:00+14:00"),
        ("at", "1969-12-31"),
        ("at", 5),
    ],
)
def test_what_does_not_fit_is_refused_by_name(field: str, value: Any) -> None:
    error = refused(DECLARED, **{field: value})
    assert list(error.validation_errors or {}) == ["_errors", field]


def test_no_refusal_repeats_the_digits_of_a_code() -> None:
    assert "98765" not in repr(refused(DECLARED, code="98765a"))


def test_a_date_alone_is_its_first_moment_and_any_offset_is_understood() -> None:
    assert read(DECLARED, {}, {"at": "2030-01-02"}) == {"at": datetime(2030, 1, 2, tzinfo=UTC)}
    assert read(DECLARED, {}, {"at": "2030-01-02T01:00:00+01:00"}) == {"at": datetime(2030, 1, 2, tzinfo=UTC)}
