"""Whatever an enrolled lock signs: the cloud stands, and every answer about its locks can still be given."""

import json
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.messages import UP_STREAMS, Codes, Request, Status
from cloud_sim import access_codes, answers, locks
from cloud_sim.seam import devices
from firmware_sim.enrolled import DEVICE_ID
from tests.complaints.pair import Pair

_numbers = st.integers() | st.integers(-1, 2**70) | st.floats(allow_nan=False, allow_infinity=False)
_texts = st.text(max_size=9) | st.sampled_from(["\ud800", "\x00", "x" * 3000, "trusted", "0123456789"])
_values = st.recursive(
    st.none() | st.booleans() | _numbers | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)
_fields = {*Status.__struct_fields__, *Codes.__struct_fields__, *Request.__struct_fields__, "rows"}
_limits = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("digits", "code_lengths", "min_code_length", "max_code_length"), _values),
)
LATEST = {"set_epoch": 1, "rev": 1, "root": "0" * 64, "count": 1, "capacity": 9, "constraints": {}}
_codes = st.fixed_dictionaries(
    {name: st.just(1) for name in ("set_epoch", "count")} | {"root": st.just("0" * 64)},
    optional={
        "rev": st.integers(0, 3),
        "capacity": st.integers(0, 2**53),
        "constraints": _limits,
        "highest_rev": _numbers,
        "highest_root": _texts,
    },
)
_rows = st.lists(
    st.fixed_dictionaries(
        {"seq": st.integers(0, 3), "kind": _texts, "detail": _values}, optional={"hash": _texts}
    )
    | _values,
    max_size=3,
)
_anything = st.dictionaries(st.sampled_from(sorted(_fields)), _values, max_size=6)
_reports = st.one_of(
    st.tuples(st.just("codes"), _codes.map(lambda body: {"rev": 1, "capacity": 9, "constraints": {}} | body)),
    st.tuples(st.just("events"), st.fixed_dictionaries({"journal_epoch": _texts, "rows": _rows})),
    st.tuples(
        st.just("status"),
        st.fixed_dictionaries(
            {"online": st.just(True), "sid": st.just("s")},
            optional={"device_time": _numbers, "applied_rev": _numbers, "links": _values, "alarms": _values},
        ),
    ),
    st.tuples(
        st.just("request"),
        st.fixed_dictionaries({"type": st.just("buckets")}, optional={"rev": _numbers, "need": _values}),
    ),
    st.tuples(st.sampled_from(UP_STREAMS), _anything),
)


def test_no_report_of_a_lock_keeps_the_cloud_from_answering(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    code = pair.create("493817")
    pair.exchange()

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @example(("status", {"online": True, "sid": "s", "device_time": 10**12}))
    @example(("codes", {**LATEST, "highest_rev": 2**63 - 1}))
    @example(("codes", {**LATEST, "highest_rev": 2**53}))
    @example(("codes", {**LATEST, "set_epoch": 2**32}))
    @given(_reports)
    def told(report: tuple[str, dict[str, Any]]) -> None:
        stream, body = report
        raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}
        pair.from_lock(stream, raw)
        for row in locks.all_locks(pair.database):
            json.dumps(answers.lock(pair.database, row, pair.now))
            json.dumps(devices.device(pair.database, row, pair.now))
        json.dumps(pair.shown(code))
        assert access_codes.free_code(pair.database, [DEVICE_ID], pair.now).isdigit()

    told()
    pair.connect()
    assert pair.agree(), "and once it is in its right mind, all is well"
    pair.close()
