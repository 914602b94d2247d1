"""The components that draw with Streamlit's own elements, without a browser: filled, empty and wrong input."""

from __future__ import annotations

import re

from streamlit.testing.v1 import AppTest


def run(script):
    app = AppTest.from_function(script, default_timeout=30).run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def texts(app):
    return " ".join(str(element.value) for element in (*app.markdown, *app.caption, *app.error, *app.warning))


def test_an_error_panel_shows_what_happened_what_to_do_and_the_code():
    def script():
        from components.error_panel import error_panel
        from core.errors import NotReadOnly

        with error_panel() as attempt:
            raise NotReadOnly("The query has *two* statements.", hint="Keep one SELECT.", code="two_statements")
        assert attempt.failed

    (shown,) = run(script).error
    assert r"The query has \*two\* statements." in shown.value
    assert "Keep one SELECT." in shown.value
    assert "`two_statements`" in shown.value


def test_an_unexpected_failure_is_shown_as_an_incident_number_and_logged(caplog):
    def script():
        from components.error_panel import error_panel

        with error_panel("saving the mapping"):
            raise ZeroDivisionError("a detail that a person must not see")

    (shown,) = run(script).error
    assert "while saving the mapping" in shown.value
    assert "a detail" not in shown.value
    (incident,) = re.findall("inc_[0-9a-z]+", shown.value.replace("\\", ""))
    assert incident in caplog.text
    assert "a detail" in caplog.text


def test_an_error_panel_lets_a_rerun_and_a_stop_through():
    def script():
        import streamlit as st

        from components.error_panel import error_panel

        if "again" not in st.session_state:
            st.session_state["again"] = True
            with error_panel():
                st.rerun()
        with error_panel():
            st.stop()
        st.markdown("never")

    app = run(script)
    assert not app.error
    assert not app.markdown


def test_a_workspace_that_cannot_be_opened_is_explained_and_the_page_stops(monkeypatch, tmp_path):
    def script():
        import streamlit as st

        from components.state import get_workspace

        get_workspace()
        st.markdown("never")

    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("ONRAMP_HOME", str(blocked))
    app = run(script)
    assert "Set ONRAMP_HOME to a folder" in app.error[0].value
    assert not app.markdown


def test_the_workspace_is_opened_once_for_a_process(monkeypatch, tmp_path):
    def script():
        import streamlit as st

        from components.state import get_workspace

        st.markdown(str(id(get_workspace())))

    monkeypatch.setenv("ONRAMP_HOME", str(tmp_path / "home"))
    assert texts(run(script)) == texts(run(script))


def test_a_session_value_is_kept_by_scope_and_taken_once():
    def script():
        from components.state import SessionValue

        value = SessionValue("thing", lambda: 0)
        assert value.read("a") == 0
        value.write(5, "a")
        assert (value.read("a"), value.read("b")) == (5, 0)
        assert (value.take("a"), value.read("a")) == (5, 0)

    run(script)


def test_tiles_are_numbered_and_a_locked_one_is_disabled_with_its_reason():
    def script():
        import streamlit as st

        from components.tiles import HomeTile, draw_tiles

        tiles = [
            HomeTile("one", "Select", "Where data lives.", "complete", "Review"),
            HomeTile("two", "Add connections", "", "open", "Add connections", "Two are missing.", is_primary=True),
            HomeTile("three", "Check", "", "locked", "Check", "Add connections first."),
            HomeTile("four", "No button", "", "open"),
        ]
        st.session_state["pressed"] = draw_tiles(tiles, "tiles")

    app = run(script)
    labels = {button.key: (button.label, button.disabled) for button in app.button}
    assert labels == {
        "tiles_one_open": ("Review", False),
        "tiles_two_open": ("Add connections", False),
        "tiles_three_open": ("Check", True),
    }
    assert "Add connections first." in texts(app)
    app.button(key="tiles_two_open").click().run()
    assert app.session_state["pressed"] == "two"


def test_no_tile_at_all_draws_nothing():
    def script():
        from components.tiles import draw_tiles

        assert draw_tiles([], "tiles") is None

    run(script)


def test_a_balance_sheet_says_its_sum_and_its_reasons_in_words():
    def script():
        from types import SimpleNamespace

        from components.balance_sheet import draw_balance_sheet

        draw_balance_sheet(
            SimpleNamespace(
                extracted=20_000,
                delivered=19_432,
                unchanged=0,
                rejected=518,
                held=50,
                reasons={"record_duplicate": 518, "a_new_reason": 50, "record_invalid_id": 0},
            )
        )

    app = run(script)
    assert "20,000 extracted = 19,432 delivered + 0 unchanged + 518 rejected + 50 held back." in texts(app)
    reasons = app.dataframe[0].value
    assert list(reasons["Reason"]) == ["Several rows have this unique identifier", "A new reason"]
    assert not app.error


def test_a_balance_sheet_that_does_not_close_says_so():
    def script():
        from types import SimpleNamespace

        from components.balance_sheet import draw_balance_sheet

        draw_balance_sheet(SimpleNamespace(extracted=10, delivered=8, unchanged=0, rejected=1, held=0, reasons={}))

    assert "does not close: 1 record unaccounted for" in run(script).error[0].value


def test_an_empty_balance_sheet_is_drawn():
    def script():
        from types import SimpleNamespace

        from components.balance_sheet import draw_balance_sheet

        draw_balance_sheet(SimpleNamespace(extracted=0, delivered=0, unchanged=0, rejected=0, held=0, reasons={}))

    assert "0 extracted" in texts(run(script))


def test_a_check_list_shows_cause_evidence_and_a_fix_only_for_problems():
    def script():
        from types import SimpleNamespace

        from components.check_list import draw_check_list

        def result(code, state, **more):
            known = {
                "title": code,
                "cause": None,
                "evidence": None,
                "fix": "GRANT x TO u;",
                "took_ms": 1200,
            } | more
            return SimpleNamespace(code=code, state=state, **known)

        draw_check_list(
            [
                result("C1", "passed", evidence=["2 of 2", "sources"]),
                result("C4", "failed", cause="No *write* permission.", evidence={"role": "analyst"}),
                result("C5", "warning", fix="Ask its owner."),
                result("C9", "running", took_ms=None, fix=None),
                result("C10", "a state of the future"),
            ]
        )

    app = run(script)
    shown = texts(app)
    assert [block.value for block in app.code] == ["GRANT x TO u;"]
    assert "**How to fix it:** Ask its owner" in shown
    assert r"No \*write\* permission." in shown
    assert "role: analyst" in shown.replace("\\", "")
    assert "1 passed" in shown
    assert "Failed · 1.2 s · C4" in shown


def test_an_empty_check_list_says_that_no_check_has_run():
    def script():
        from components.check_list import draw_check_list

        draw_check_list(iter(()))

    assert texts(run(script)) == "No check has run yet."


def test_a_preview_keeps_types_nulls_empty_texts_and_odd_values_apart():
    def script():
        from datetime import UTC, datetime
        from decimal import Decimal
        from types import SimpleNamespace

        import pyarrow as pa

        from components.preview_table import draw_preview_table

        rows = {
            "name": ["Łukasz", "", None],
            "price": [Decimal("19.90"), None, Decimal("1e30")],
            "at": [datetime(2026, 1, 1, tzinfo=UTC), None, None],
            "is_vip": [True, False, None],
            "tags": [{"a": [1]}, None, {"a": None}],
            "raw": [b"\x00\xff", b"", None],
        }
        kinds = ["text", "decimal", "timestamptz", "boolean", "json", "bytes"]
        columns = [SimpleNamespace(name=name, type="T" * 40, kind=kind) for name, kind in zip(rows, kinds, strict=True)]
        draw_preview_table(SimpleNamespace(columns=columns, rows=pa.table(rows)))

    frame = run(script).dataframe[0].value
    assert [list(frame.iloc[row, [0, 3]]) for row in range(2)] == [["Łukasz", "true"], ["''", "false"]]
    assert frame.iloc[2, [0, 3]].isna().all()
    assert frame.columns.get_level_values(1).tolist() == ["name", "price", "at", "is_vip", "tags", "raw"]


def test_a_preview_without_rows_or_columns_says_so():
    def script():
        from types import SimpleNamespace

        import pyarrow as pa

        from components.preview_table import draw_preview_table

        column = SimpleNamespace(name="id", type="INTEGER", kind="integer")
        draw_preview_table(SimpleNamespace(columns=[column], rows=pa.table({"id": pa.array([], pa.int64())})), key="a")
        draw_preview_table(SimpleNamespace(columns=[], rows=pa.table({})), key="b")

    shown = texts(run(script))
    assert "returns no row" in shown
    assert "returns no column" in shown


def test_a_preview_of_512_columns_and_of_two_columns_with_one_name_is_drawn():
    def script():
        from types import SimpleNamespace

        import pyarrow as pa

        from components.preview_table import draw_preview_table

        many = [SimpleNamespace(name=f"c{number}", type="INTEGER", kind="integer") for number in range(512)]
        draw_preview_table(SimpleNamespace(columns=many, rows=pa.table({one.name: [1] for one in many})), key="a")
        twice = [SimpleNamespace(name="id", type="INTEGER", kind="integer")] * 2
        rows = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["id", "id"])
        draw_preview_table(SimpleNamespace(columns=twice, rows=rows), key="b")

    many, twice = run(script).dataframe
    assert many.value.shape == (1, 512)
    assert twice.value.iloc[0].tolist() == [1, 2]


def test_column_profiles_show_shares_and_samples_and_survive_an_empty_result():
    def script():
        from types import SimpleNamespace

        from components.column_profile import draw_column_profiles

        draw_column_profiles([], key="none")
        draw_column_profiles(
            [
                SimpleNamespace(
                    name="email", type="VARCHAR", rows=200, nulls=50, null_share=0.25, distinct=100,
                    longest_chars=21, longest="x" * 500, minimum=None, maximum=3, sample=("a", "b", "c", "d"),
                )
            ]
        )  # fmt: skip

    app = run(script)
    row = app.dataframe[0].value.iloc[0]
    assert (row["Filled"], row["Samples"], row["Smallest"]) == (75.0, "a · b · c", "")
    assert "1 column, counted over all 200 rows" in texts(app)


def test_an_empty_state_offers_its_action():
    def script():
        import streamlit as st

        from components.empty_state import draw_empty_state

        st.session_state["pressed"] = draw_empty_state(":material/sync:", "No sync", "Make one.", action="Go", key="no")

    app = run(script)
    app.button(key="no").click().run()
    assert app.session_state["pressed"] is True


def test_finished_work_draws_no_progress_and_running_work_draws_its_share():
    def script():
        from components.progress import Progress, draw_progress

        assert draw_progress(lambda: Progress("done", is_finished=True), key="a") is True
        assert draw_progress(lambda: Progress("Delivering", 50, 200), key="b", every_s=60) is False
        assert draw_progress(lambda: Progress("Reading", 7), key="c", every_s=60) is False
        assert draw_progress(lambda: Progress("Empty", 7, 0), key="d", every_s=60) is False

    app = run(script)
    bars = [(element.proto.value, element.proto.text) for element in app.get("progress")]
    assert bars == [(25, "Delivering · 50 of 200 records"), (0, "Reading · 7 records"), (0, "Empty · 7 of 0 records")]


def test_every_screen_has_its_own_address_and_the_home_page_is_the_default():
    from components.navigation import SCREENS

    assert len({screen.url_path for screen in SCREENS}) == len(SCREENS)
    assert [screen.url_path for screen in SCREENS if screen.is_default] == ["getting-started"]
