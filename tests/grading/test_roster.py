"""The roster says who is meant, who is missing, when it was due for each, and who shares a result; its mistakes are named by the line."""

from __future__ import annotations

import csv
import itertools
import unicodedata
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cnnlab.grading.export import class_lateness
from cnnlab.grading.late import LatePolicy, parse_due, read_times
from cnnlab.grading.roster import NOT_HANDED_IN, AmbiguousName, by_roster, read_roster
from cnnlab.grading.scoring import QuestionResult, Result
from cnnlab.grading.tables import read_table, table

CLASS = """login,name,section,extension,group,late_days,extension tiny,spent other
ada,Ada Lovelace,north,2026-06-03 12:00,one,3,,1
jm7,"Müller, Jürgen",south,,one,,2026-06-05,
ww1,Wang Wei,,,,,,
ww2,Wei Wang,,,,,,
=x,Eve O'Hara-Smith,,,,0,,
"""
DUE = parse_due("2026-06-01 12:00")


@pytest.fixture
def roster(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text(CLASS, encoding="utf-8")
    return read_roster(path)


def result(student, points=4.0, **more):
    return Result(student, "graded", (QuestionResult("q1", "passed", points, 4.0),), **more)


@pytest.mark.parametrize(
    ("name", "login"),
    [
        ("ada", "ada"),
        ("ADA", "ada"),
        ("Lovelace, Ada", "ada"),
        ("lovelaceada", "ada"),
        ("Jürgen Müller", "jm7"),
        (unicodedata.normalize("NFD", "Jürgen Müller"), "jm7"),
        ("müllerjürgen", "jm7"),
        ("Eve OHaraSmith", "=x"),
        ("oharasmitheve", "=x"),
        ("Jurgen Muller", "jm7"),
        ("MULLERJURGEN", "jm7"),
        ("Jürgen Möller", None),
        ("Eve", None),
        ("", None),
    ],
)
def test_a_name_is_matched_as_platforms_write_it(roster, name, login):
    found = roster.match(name)
    assert (found and found.login) == login


def test_a_name_of_two_is_asked_for_unless_a_login_or_an_address_tells(roster):
    for name in ("Wang Wei", "weiwang", "Wei, Wang"):
        with pytest.raises(AmbiguousName, match="can be ww1, ww2"):
            roster.match(name)
    assert roster.match("Wang Wei", "ww2").login == "ww2"
    assert roster.match("Wang Wei", address="ww1@uni.example").login == "ww1"
    with pytest.raises(AmbiguousName):
        roster.match("Wang Wei", address="ada@uni.example")


TWO_MULLERS = 'login,name\njose,"Müller, José"\njos2,"Müller, Jose"\nana,Ana Müller\nsl,"Łukasz, Søren"\n'


@pytest.mark.parametrize(
    ("name", "login"),
    [
        ("müllerjosé", "jose"),
        (unicodedata.normalize("NFD", "MÜLLERJOSÉ"), "jose"),
        ("müllerjose", "jos2"),
        ("muller ana", "ana"),
        ("LUKASZSOREN", "sl"),
        (unicodedata.normalize("NFD", "søren łukasz"), "sl"),
        ("mullerjose", AmbiguousName),
        ("mullerjosé", AmbiguousName),
    ],
)
def test_without_accents_two_who_differ_by_them_are_asked_for(tmp_path, name, login):
    path = tmp_path / "roster.csv"
    path.write_text(TWO_MULLERS, encoding="utf-8")
    if login is AmbiguousName:
        with pytest.raises(AmbiguousName, match="can be jose, jos2"):
            read_roster(path).match(name)
    else:
        assert read_roster(path).match(name).login == login


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("login,nam\n", "line 1 names the columns; needed are login, name, it has login, nam"),
        ("login,name,extention\n", "line 1 has an unknown column 'extention'"),
        ("login,name,name\n", "line 1 has the column 'name' twice"),
        ("login,name\nada\n", "line 2 has 1 cells; line 1 has 2"),
        ("login,name\n\nada,Ada\n ,Bert\n", "line 4 needs a login and a name"),
        ("login,name\nada,Ada\nADA,Bert\n", "line 3 has the login ADA of line 2"),
        ("login,name,late_days\nada,Ada,two\n", "line 2: late_days is a whole number of days, not 'two'"),
        ("login,name,extension\nada,Ada,soon\n", "line 2: extension: 'soon' is no date"),
        ("login,name,extension a1\nada,Ada,31.5.2026\n", "line 2: extension a1: '31.5.2026' is no date"),
        ('login,name\nada,"Ada\nbert,Bert\n', "line 2: unexpected end of data"),
        ("", "it has nothing"),
    ],
)
def test_a_mistake_in_the_table_is_named_by_its_line(tmp_path, text, said):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(ValueError, match=r"r\.csv") as error:
        read_roster(tmp_path / "r.csv")
    assert said in str(error.value)


def test_tables_of_spreadsheets_are_read_as_they_come(tmp_path):
    path = tmp_path / "r.csv"
    for content in (
        "\ufefflogin;name\r\nada;Lovelace, Ada\r\n".encode(),
        "login\tname\r\nada\tLovelace, Ada\r\n".encode("utf-16"),
    ):
        path.write_bytes(content)
        assert read_roster(path).match("Ada Lovelace").login == "ada"
    path.write_bytes(b"login,name\nada,Ada\nj,J\xfcrgen\n")
    with pytest.raises(ValueError, match="line 3 is not UTF-8"):
        read_roster(path)
    with pytest.raises(FileNotFoundError, match="no table"):
        read_roster(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    "cell", ["=1+1", "'quoted", "@x", "-5", "plain", "O'Hara", "\uff1d1", "a;=b", ";'=", "=a;+b"]
)
def test_a_table_that_was_written_is_read_as_it_was(tmp_path, cell):
    (tmp_path / "t.csv").write_text(table(["student", "x"], [[cell, "1"]]), encoding="utf-8")
    _, [(line, row)] = read_table(tmp_path / "t.csv", ["student"])
    assert (line, row["student"]) == (2, cell)


def test_the_class_has_everybody_and_says_who_is_missing_unknown_or_doubtful(roster):
    results = [result("Ada Lovelace"), result("Wang Wei"), result("stranger")]
    found, lines = by_roster(roster, results)
    by_login = {one.student: one for one in found}
    assert set(by_login) == {"ada", "jm7", "Wang Wei", "stranger", "ww1", "ww2", "=x"}
    assert by_login["jm7"].points == by_login["ada"].points == 4
    assert by_login["jm7"].notes == ("handed in by ada for the group one",) and not by_login["ada"].notes
    assert {login for login, one in by_login.items() if one.status == NOT_HANDED_IN} == {"ww1", "ww2", "=x"}
    assert lines[0].startswith("Wang Wei can be ww1, ww2") and lines[1] == "stranger is not in the roster"
    assert lines[2] == "3 of 5 have handed in nothing: ww1, ww2, =x"


def test_two_hand_ins_of_a_group_are_named_and_neither_is_taken_away(roster):
    found, lines = by_roster(roster, [result("ada", 4.0), result("jm7", 1.0)])
    assert {one.student: one.points for one in found if one.student in ("ada", "jm7")} == {"ada": 4, "jm7": 1}
    assert "group one handed in 2 times: ada, jm7" in lines


@pytest.mark.parametrize("names", list(itertools.permutations(["ADA", "Ada Lovelace", "ada"])))
def test_of_several_rows_of_one_student_none_is_lost_and_the_login_is_its_own(roster, names):
    points = {"ada": 4.0, "Ada Lovelace": 1.0, "ADA": 2.0}
    found, lines = by_roster(roster, [result(name, points[name]) for name in names])
    assert {one.student: one.points for one in found if one.student in points} == points
    assert sum(line.startswith("ada has two rows, ada and ") for line in lines) == 2


def test_extensions_and_free_days_are_each_student_s_own_and_are_spent_once(tiny, roster):
    def late_by(days: float, **more):
        return replace(result("x"), submitted=(DUE + timedelta(days=days)).timestamp(), **more)

    policy = LatePolicy(DUE, per_day=0.1, bank=1)
    results = [replace(late_by(2.5), student=login) for login in ("ada", "jm7", "ww1", "=x", "stranger")]
    late, lines = class_lateness(tiny, results, policy, roster)
    assert {login: (one.days, one.free, round(one.factor, 3)) for login, one in late.items()} == {
        "ada": (1, 1, 1.0),  # due on 3 June; of three free days one went into another assignment
        "jm7": (0, 0, 1.0),  # due on 5 June, for this assignment
        "ww1": (3, 1, 0.8),  # the bank of the class
        "=x": (3, 0, 0.7),  # no free days
        "stranger": (3, 1, 0.8),
    }
    assert lines == []
    for _ in range(2):
        path = roster.write_spent("tiny", {login: one.free for login, one in late.items()})
        again = read_roster(path)
        assert [member.cells["spent tiny"] for member in again.members] == ["1", "", "1", "", ""]
        assert class_lateness(tiny, results, policy, again)[0] == late, (
            "its own days are not counted against it"
        )
        assert again.member("ada").free_days("next", 0) == 1 and again.member("=x").login == "=x"
    before = path.read_bytes()
    again.write_spent("tiny", {login: one.free for login, one in late.items()})
    assert path.read_bytes() == before


def test_times_of_a_table_are_read_with_their_lines(tmp_path):
    path = tmp_path / "times.csv"
    path.write_text(
        "student,submitted,file\nada,2026-06-01 10:00+00:00,a\nada,2026-06-01 11:00+00:00,b\nbert,,c\n"
    )
    assert read_times(path) == ({"ada": parse_due("2026-06-01 11:00:00+00:00").timestamp()}, set())
    path.write_text("student,submitted\nada,2026-06-01\nbert,soon\n")
    with pytest.raises(ValueError, match="line 3: 'soon' is no date"):
        read_times(path)


def test_the_table_at_hand_is_the_spreadsheet_s_own(roster):
    """The spent days go to a column behind, and nothing else of the table changes."""
    roster.write_spent("tiny", {"ada": 2})
    rows = list(csv.DictReader(Path(roster.path).read_text(encoding="utf-8").splitlines()))
    assert [row["login"] for row in rows] == ["ada", "jm7", "ww1", "ww2", "'=x"]
    assert (
        rows[0]["spent tiny"] == "2" and rows[0]["spent other"] == "1" and rows[1]["name"] == "Müller, Jürgen"
    )
