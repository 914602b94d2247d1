from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import duckdb
import phonenumbers
import pytest

from core.samples.demo_tables import TABLES
from core.samples.demo_warehouse import build_demo_warehouse, demo_truth

NAMES = [f"{table.schema}.{table.name}" for table in TABLES]


def _checksums(path: Path) -> dict[str, tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        sql = "SELECT count(*), bit_xor(hash(t)), sum(hash(t) % 1000003) FROM {} t"
        return {name: connection.execute(sql.format(name)).fetchall()[0] for name in NAMES}


def test_two_builds_with_one_seed_hold_the_same_rows_and_the_same_truth(tmp_path: Path) -> None:
    first = build_demo_warehouse(tmp_path / "a.duckdb", customers=300)
    second = build_demo_warehouse(tmp_path / "b.duckdb", customers=300)
    assert _checksums(tmp_path / "a.duckdb") == _checksums(tmp_path / "b.duckdb")
    assert first == second == demo_truth(customers=300)


def test_another_seed_gives_other_people(tmp_path: Path) -> None:
    build_demo_warehouse(tmp_path / "a.duckdb", customers=100)
    build_demo_warehouse(tmp_path / "b.duckdb", customers=100, seed=8)
    assert _checksums(tmp_path / "a.duckdb") != _checksums(tmp_path / "b.duckdb")


@pytest.mark.parametrize("customers", [0, 1, 7])
def test_a_tiny_demo_can_be_made(tmp_path: Path, customers: int) -> None:
    truth = build_demo_warehouse(tmp_path / "tiny.duckdb", customers=customers)
    assert _checksums(tmp_path / "tiny.duckdb")["salesforce.contacts"][0] == len(truth.contacts) >= customers


def test_progress_is_told_up_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    build_demo_warehouse(tmp_path / "a.duckdb", customers=10, progress=lambda what, share: told.append((what, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_every_table_has_a_comment_and_rows(demo) -> None:
    comments = demo.read("SELECT comment FROM duckdb_tables()")["comment"].to_pylist()
    assert len(comments) == len(TABLES)
    assert all(comments)
    assert all(demo.read_one(f"SELECT count(*) FROM {name}") > 0 for name in NAMES)


def test_contact_ids_are_unique_and_look_like_salesforce_ids(demo) -> None:
    ids = demo.read("SELECT ID FROM salesforce.contacts")["ID"].to_pylist()
    assert len(set(ids)) == len(ids)
    assert all(len(each) == 18 and each.isalnum() and each.startswith("003") for each in ids)


def test_each_customer_has_a_contact_and_some_have_two(demo) -> None:
    contacts = Counter(record.person_id for record in demo.truth.contacts)
    assert len(contacts) == demo.truth.customers
    assert 0.02 < sum(count == 2 for count in contacts.values()) / len(contacts) < 0.06


def test_the_same_person_is_found_by_a_shared_email_only_sometimes(demo) -> None:
    emails = {record.record_id: record.email for record in (*demo.truth.contacts, *demo.truth.leads)}
    same = [{emails[each] for each in ids} - {None} for ids in demo.truth.same_person().values()]
    assert any(len(found) == 1 for found in same)
    assert any(len(found) > 1 for found in same)


def test_an_email_address_belongs_to_one_person(demo) -> None:
    owners: dict[str, set[int]] = {}
    for record in (*demo.truth.contacts, *demo.truth.leads):
        if record.email is not None:
            owners.setdefault(record.email, set()).add(record.person_id)
    assert all(len(people) == 1 for people in owners.values())


def test_families_share_phones_so_a_merge_by_phone_would_be_wrong(demo) -> None:
    shared = demo.truth.shared_phones()
    households = {record.person_id: record.household_id for record in demo.truth.contacts}
    assert len(shared) > demo.truth.customers * 0.02
    assert all(len({households[person] for person in people}) == 1 for people in shared.values())


def test_the_truth_does_not_stand_in_the_warehouse(demo) -> None:
    columns = demo.read("SELECT column_name FROM duckdb_columns()")["column_name"].to_pylist()
    assert not {"person_id", "household_id"} & {column.lower() for column in columns}


def test_every_true_phone_is_valid_e164(demo) -> None:
    for record in (*demo.truth.accounts, *demo.truth.contacts, *demo.truth.leads):
        if record.phone is not None:
            number = phonenumbers.parse(record.phone, None)
            assert phonenumbers.is_valid_number(number), record.phone
            assert phonenumbers.region_code_for_number(number) == record.country


def test_us_phones_are_mostly_in_the_us_pattern_but_not_all(demo) -> None:
    phones = demo.read("SELECT PHONE FROM salesforce.contacts WHERE MAILING_COUNTRY = 'US' AND PHONE IS NOT NULL")
    found = Counter("".join("N" if each.isdigit() else each for each in text) for text in phones["PHONE"].to_pylist())
    assert found.most_common(1)[0][0] == "(NNN) NNN-NNNN"
    assert {"NNN-NNN-NNNN", "NNN.NNN.NNNN", "+N NNN NNN NNNN", "NNN-NNNN"} <= set(found)
    assert any("ext" in text or "x" in text for text in found)


def test_emails_are_dirty_and_on_reserved_domains(demo) -> None:
    emails = demo.read("SELECT EMAIL FROM salesforce.contacts")["EMAIL"].to_pylist()
    present = [email for email in emails if email is not None]
    assert None in emails
    assert any(email != email.lower() for email in present)
    assert any(email != email.strip() for email in present)
    domains = {email.strip().lower().split("@")[1] for email in present}
    assert all(re.fullmatch(r"(.+[.])?example([.](com|net|org))?", domain) for domain in domains)


def test_names_hold_accents_combining_marks_and_other_scripts(demo) -> None:
    names = demo.read("SELECT NAME FROM salesforce.contacts")["NAME"].to_pylist()
    assert any("ü" in name for name in names)
    assert any(unicodedata.normalize("NFC", name) != name for name in names)
    assert any("山" in name or "佐" in name for name in names)


def test_some_people_were_born_before_1970(demo) -> None:
    assert demo.read_one("SELECT min(year(BIRTHDATE)) FROM salesforce.contacts") < 1970


def test_a_note_of_about_20_kb_holds_newlines_and_emoji(demo) -> None:
    note = demo.read_one("SELECT DESCRIPTION FROM salesforce.contacts ORDER BY strlen(DESCRIPTION) DESC NULLS LAST")
    assert 15_000 < len(note.encode()) < 30_000
    assert "\n" in note
    assert "🐕" in note


def test_json_columns_hold_json_with_non_ascii_text(demo) -> None:
    texts = demo.read("SELECT metadata::VARCHAR AS m FROM support_tickets")["m"].to_pylist()
    assert all("device" in json.loads(text) for text in texts)
    assert any("緊急" in text for text in texts)


def test_web_sign_ups_have_no_unique_email_and_loyalty_cards_have_null_numbers(demo) -> None:
    assert demo.read_one("SELECT count(email) > count(DISTINCT email) FROM web_sign_ups")
    assert demo.read_one("SELECT count(*) > count(card_number) FROM loyalty_cards")
    assert demo.read_one("SELECT count(card_number) = count(DISTINCT card_number) FROM loyalty_cards")
