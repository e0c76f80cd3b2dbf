"""Downloads of each platform become one folder a student: nothing is lost, nothing guessed silently, and twice is the same as once."""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import warnings
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_class import hand_in, notebook

from cnnlab.grading import archives
from cnnlab.grading.archives import opened
from cnnlab.grading.collect import collect, read_collected
from cnnlab.grading.feedback import feedback_place
from cnnlab.grading.late import read_times
from cnnlab.grading.platforms import PLATFORMS
from cnnlab.grading.roster import read_roster
from cnnlab.grading.submissions import find
from cnnlab.grading.untrusted import InvalidSubmission

NOTEBOOK = json.dumps(notebook())
OTHER = json.dumps(notebook({}))
ROSTER = """login,name,group
ww1,Wang Wei,
ww2,"Wei, Wang",
hop,Jane Hopper,
mue,Jürgen Müller,
tur,"Turing, Alan",A
ada,Ada Lovelace,A
"""
METADATA = """submission_11:
  :submitters:
  - :name: Alan Turing
    :sid: '77'
    :email: tur@uni.example
  :created_at: 2026-06-01 20:15:27.034000000 Z
  :score: 1.0
submission_12:
  :submitters:
  - :name: Wang Wei
    :sid: ''
    :email: ww2@uni.example
  - :name: Ada Lovelace
    :sid: ada
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2026-06-02 08:00:00.5 Z
    zone: !ruby/object:ActiveSupport::TimeZone
      name: Etc/UTC
submission_13:
  :submitters: []
  :created_at: yesterday
"""


def zipped(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def unpacked(path: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        hand_in(path / name, content)
    return path


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course with a roster, and what `collect` does in it."""
    monkeypatch.chdir(tmp_path)
    Path("roster.csv").write_text(ROSTER, encoding="utf-8")

    def run(source, roster=True, **how):
        members = read_roster(Path("roster.csv")) if roster else None
        done = collect("tiny", source, Path("in"), Path("collected.csv"), roster=members, **how)
        return done, tree(Path("in"))

    return run


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


CANVAS = {
    "hopperjane_LATE_101_9_tiny-1.ipynb": NOTEBOOK,
    "hopperjane_LATE_101_10_tiny (1).ipynb": OTHER,
    "weiwang_102_11_tiny.ipynb": NOTEBOOK,
    "weiwang_103_12_tiny.ipynb": OTHER,
    "müllerjürgen_104_text.html": "<p>my answers</p>",
    "somebodyelse_105_13_tiny.ipynb": NOTEBOOK,
    "turingalan_106_14_tiny.zip": b"",  # filled below
    "readme.txt": "not by Canvas",
}
PLACED = {
    "hop/tiny-1.ipynb",
    "hop/tiny (1).ipynb",
    "weiwang 102/tiny.ipynb",
    "weiwang 103/tiny.ipynb",
    "mue/text.html",
    "somebodyelse/tiny.ipynb",
    "tur/tiny.zip",
    "tur/tiny/deep/mine.ipynb",
}


def canvas_files() -> dict[str, str | bytes]:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("deep/mine.ipynb", NOTEBOOK)
        archive.writestr("../../evil.ipynb", OTHER)
    return CANVAS | {"turingalan_106_14_tiny.zip": inner.getvalue()}


@pytest.mark.parametrize("make", [zipped, unpacked])
def test_canvas_files_go_to_their_students_and_the_doubtful_are_asked_for(course, tmp_path, make):
    done, placed = course(make(tmp_path / "download", canvas_files()))
    assert done.platform == "canvas" and placed == PLACED
    said = str(done)
    for line in (
        "weiwang_102: weiwang can be ww1, ww2; write the login into the table",
        "somebodyelse_105: somebodyelse is not in the roster; the folder is somebodyelse",
        "readme.txt: not named as Canvas names files",
        "mue: no notebook, but mue/text.html",
        "hop: 2 notebooks",
        "turingalan_106_14_tiny.zip: ../../evil.ipynb: its path leads out of the download",
        "8 files of 6 students in all; a time is known for 0, marked late are 1",
    ):
        assert line in said, line
    assert len(read_collected(Path("collected.csv"))) == 8 and read_times(Path("collected.csv")) == (
        {},
        {"hop"},
    )
    jane = next(one for one in find(Path("in"), "tiny") if one.student == "hop")
    assert jane.path.name == "tiny (1).ipynb", "attachment 10 came after attachment 9"


def test_a_name_without_accents_is_the_student_s_where_it_fits_one(course, tmp_path):
    two = 'jos,"Müller, José",\njse,"Muller, Jose",\nzoe,Zoë Ångström,\n'
    Path("roster.csv").write_text(ROSTER + two, encoding="utf-8")
    files = (
        "mullerjurgen_LATE_104_1_tiny.ipynb",
        "mullerjose_late_1234_2_tiny.ipynb",
        "angstromzoe_3_4_tiny.ipynb",
    )
    done, placed = course(zipped(tmp_path / "download.zip", dict.fromkeys(files, NOTEBOOK)))
    assert placed == {"mue/tiny.ipynb", "mullerjose/tiny.ipynb", "zoe/tiny.ipynb"}
    assert done.asks == (
        "mullerjose_1234: mullerjose can be jos, jse; write the login into the table, and collect again",
    )


def test_collecting_twice_is_the_same_and_a_login_in_the_table_decides(course, tmp_path):
    source = zipped(tmp_path / "download.zip", canvas_files())
    course(source)
    table = Path("collected.csv").read_text(encoding="utf-8")
    stamps = {path: path.stat().st_mtime_ns for path in Path("in").rglob("*.ipynb")}
    _, placed = course(source)
    assert placed == PLACED and Path("collected.csv").read_text(encoding="utf-8") == table
    assert {path: path.stat().st_mtime_ns for path in Path("in").rglob("*.ipynb")} == stamps
    Path("collected.csv").write_text(table.replace("weiwang 103,", "ww2,"), encoding="utf-8")
    table = Path("collected.csv").read_text(encoding="utf-8")
    Path("collected.csv").write_text(table.replace("weiwang 102,", "ww11,"), encoding="utf-8")
    assert "weiwang_102: the table says ww11, who is not in the roster" in str(course(source)[0])
    for _ in range(2):  # and it is remembered
        done, placed = course(source)
        assert placed == PLACED - {"weiwang 103/tiny.ipynb"} | {"ww2/tiny.ipynb"}
        assert "weiwang_103" not in str(done) and not Path("in/weiwang 103").exists()


def test_a_newer_attempt_takes_the_place_and_what_you_mended_stays(course, tmp_path):
    course(
        zipped(
            tmp_path / "one.zip", {"hopperjane_101_9_a.ipynb": NOTEBOOK, "turingalan_106_8_b.ipynb": NOTEBOOK}
        )
    )
    Path("in/tur/b.ipynb").write_text("mended")
    later = {"hopperjane_101_12_a-1.ipynb": OTHER, "turingalan_106_8_b.ipynb": NOTEBOOK}
    done, placed = course(zipped(tmp_path / "two.zip", later))
    earlier = {path for path in placed if "/.earlier/" in path}
    assert placed - earlier == {"hop/a-1.ipynb", "tur/b.ipynb"} and len(earlier) == 1
    assert Path("in", *earlier).read_text() == NOTEBOOK, "nothing is lost"
    assert Path("in/tur/b.ipynb").read_text() == "mended"
    assert "tur: tur/b.ipynb is not as it was collected, so it stays" in str(done)
    assert [one.path.name for one in find(Path("in"), "tiny")] == ["a-1.ipynb", "b.ipynb"]
    again = {"hopperjane_101_12_a-1.ipynb": NOTEBOOK + " "}
    _, placed = course(zipped(tmp_path / "three.zip", again))
    assert "tur/b.ipynb" in placed and Path("in/hop/a-1.ipynb").read_text() == NOTEBOOK + " "
    assert len(read_collected(Path("collected.csv"))) == 2, "a download of fewer forgets nobody"


def test_two_of_one_name_stay_apart_without_a_roster(course, tmp_path):
    first = {"weiwang_102_11_tiny.ipynb": NOTEBOOK}
    assert course(zipped(tmp_path / "one.zip", first), roster=False)[1] == {"weiwang/tiny.ipynb"}
    second = {"weiwang_103_12_tiny.ipynb": OTHER}
    done, placed = course(zipped(tmp_path / "two.zip", second), roster=False)
    assert placed == {"weiwang/tiny.ipynb", "weiwang 103/tiny.ipynb"}
    assert "others have the name weiwang too" in str(done)


WORKSHEET = """Identifier,Full name,ID number,Email address,Status,Last modified (submission)
Participant 7,Wang Wei,ww1,w@x,Submitted,"Monday, 1 June 2026, 2:14 PM"
Participant 8,Wang Wei,,ww2@x,Submitted,"Monday, June 1, 2026, 9:00 PM"
Participant 9,Jane Hopper,,,Submitted,"Montag, 1. Juni 2026, 14:14"
Participant 10,Ada Lovelace,,,No submission,-
"""
MOODLE = {
    "Wang Wei_7_assignsubmission_file/tiny.ipynb": NOTEBOOK,
    "Wang Wei_7_assignsubmission_onlinetext/onlinetext.html": "hello",
    "Wang Wei_8_assignsubmission_file_/deep/tiny.ipynb": OTHER,
    "Jane Hopper_9_assignsubmission_file_tiny.ipynb": NOTEBOOK,  # flat
    "A_12_assignsubmission_file/tiny.ipynb": NOTEBOOK,  # a group
    "Ju\u0308rgen Mu\u0308ller_11_assignsubmission_file/timestamp.txt": "1999-01-01 00:00:00 UTC",
}


def test_moodle_folders_flat_files_groups_and_the_times_of_the_worksheet(course, tmp_path):
    Path("sheet.csv").write_text(WORKSHEET, encoding="utf-8")
    source = zipped(
        tmp_path / "download.zip", {f"course-tiny-7/{name}": text for name, text in MOODLE.items()}
    )
    done, placed = course(source, worksheet=Path("sheet.csv"))
    assert done.platform == "moodle" and placed == {
        "ww1/tiny.ipynb",
        "ww1/onlinetext.html",
        "ww2/deep/tiny.ipynb",
        "hop/tiny.ipynb",
        "tur/tiny.ipynb",
        "mue/timestamp.txt",
    }
    times, _ = read_times(Path("collected.csv"))
    wanted = {"ww1": datetime(2026, 6, 1, 14, 14), "ww2": datetime(2026, 6, 1, 21)}
    assert times == {login: when.astimezone().timestamp() for login, when in wanted.items()}
    assert "line 4: the time 'Montag, 1. Juni 2026, 14:14' is not understood; Jane Hopper has none" in str(
        done
    )
    assert Path("in/ww1/tiny.ipynb").stat().st_mtime == pytest.approx(times["ww1"], abs=0.1)
    done, _ = course(source)
    assert done.platform == "moodle" and {
        row.student for row in done.rows if row.hand_in == "Wang Wei_7"
    } == {"ww1"}


def test_gradescope_tells_by_its_metadata_and_two_of_one_name_by_their_address(course, tmp_path):
    files = {f"submission_{n}/a/tiny.ipynb": NOTEBOOK for n in (11, 12, 13, 99)} | {
        "submission_metadata.yml": METADATA
    }
    done, placed = course(
        zipped(tmp_path / "x.zip", {f"assignment_1_export/{n}": text for n, text in files.items()})
    )
    assert done.platform == "gradescope"
    assert placed == {"tur/a/tiny.ipynb", "ww2/a/tiny.ipynb", "submission_13/a/tiny.ipynb"}
    times, _ = read_times(Path("collected.csv"))
    assert times["tur"] == datetime.fromisoformat("2026-06-01T20:15:27.034+00:00").timestamp()
    assert times["ww2"] == datetime.fromisoformat("2026-06-02T08:00:00.5+00:00").timestamp()
    said = str(done)
    assert (
        "ww2: handed in together with Ada Lovelace" in said and "submission_13 is not in the roster" in said
    )
    assert "submission_99/a/tiny.ipynb: submission_metadata.yml does not name its folder" in said
    assert "submission_13: the time 'yesterday' is not understood, so none is known" in said


STUDENTS_FOLDERS = {
    "submitted/ada/tiny/tiny.ipynb": NOTEBOOK,
    "submitted/ada/tiny/timestamp.txt": "2026-06-01 10:00:00.123456 UTC",
    "submitted/ada/tiny/data/timestamp.txt": "1999-01-01 00:00:00 UTC",
    "submitted/ada/other/other.ipynb": OTHER,
    "submitted/hop/tiny/mine.ipynb": NOTEBOOK,
}


def test_nbgrader_s_time_is_the_exchange_s_and_no_student_s(course, tmp_path):
    source = unpacked(tmp_path / "down", STUDENTS_FOLDERS)
    with pytest.raises(ValueError, match="nbgrader and jupyterhub: say --platform"):
        course(source)
    done, placed = course(source, platform="nbgrader")
    assert placed == {"ada/tiny.ipynb", "ada/data/timestamp.txt", "hop/mine.ipynb"}
    assert read_times(Path("collected.csv"))[0] == {
        "ada": datetime.fromisoformat("2026-06-01T10:00:00.123456Z").timestamp()
    }
    assert "hop: there is no timestamp.txt" in str(done)


def test_of_several_notebooks_the_one_changed_last_is_the_newest_also_where_the_platform_tells_a_time(
    course, tmp_path
):
    files = {
        "ada/tiny/a.ipynb": NOTEBOOK,
        "ada/tiny/z.ipynb": OTHER,
        "ada/tiny/timestamp.txt": "2026-06-01 10:00:00 UTC",
    }
    source = unpacked(tmp_path / "down", files)
    os.utime(source / "ada/tiny/z.ipynb", (1, 1))
    course(source, platform="nbgrader")
    (found,) = find(Path("in"), "tiny")
    assert (
        found.path.name == "a.ipynb" and "2 notebooks were handed in; the newest, a.ipynb" in found.notes[0]
    )


def test_in_homes_of_jupyterhub_a_timestamp_is_the_student_s_own(course, tmp_path):
    source = unpacked(tmp_path / "down", STUDENTS_FOLDERS)
    os.utime(source / "submitted/ada/tiny/tiny.ipynb", (1e9, 1e9))
    done, placed = course(source, platform="jupyterhub")
    assert "ada/timestamp.txt" in placed and read_times(Path("collected.csv"))[0]["ada"] == 1e9
    assert "times are those of the files, which students can set" in str(done)


def test_what_could_lead_out_of_a_download_is_refused_and_the_rest_is_read(tmp_path, monkeypatch):
    path = zipped(
        tmp_path / "x.zip", {"/etc/a": "1", "C:/b": "2", "..\\c": "3", "fine": "4", "__MACOSX/._fine": "5"}
    )
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("bomb", b"\0" * 40_000_000)
        archive.writestr("bomb2", b"\0" * 40_000_000)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("fine", "twice")
    with opened(path) as (files, refused):
        assert [file.path for file in files] == ["bomb", "bomb2", "fine"] and len(refused) == 5
        assert files[2].read() == b"4"
        files[0].read()
        with pytest.raises(InvalidSubmission, match="unpacks to more than"):
            files[1].read()
    monkeypatch.setattr(archives, "MAX_FILES", 2)
    with pytest.raises(InvalidSubmission, match="at most 2"), opened(path):
        pass
    (tmp_path / "y.zip").write_bytes(path.read_bytes()[:-30])
    with (
        pytest.raises(InvalidSubmission, match="neither a folder nor a whole zip"),
        opened(tmp_path / "y.zip"),
    ):
        pass
    with pytest.raises(FileNotFoundError, match="no download"), opened(tmp_path / "nowhere"):
        pass


def whole_zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
            archive.writestr(f"ü/{kind}.ipynb", NOTEBOOK[:300], kind)
    return content.getvalue()


WHOLE = whole_zip()


@settings(max_examples=500, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 3), st.binary(max_size=8)),
        min_size=1,
        max_size=4,
    )
)
def test_a_broken_archive_is_refused_and_nothing_else_happens(cuts):
    broken = bytearray(WHOLE)
    for at, length, new in cuts:
        broken[at : at + length] = new
    with contextlib.suppress(InvalidSubmission), opened(io.BytesIO(bytes(broken))) as (files, _):
        for file in files:
            with contextlib.suppress(InvalidSubmission):
                assert len(file.read()) <= archives.MAX_BYTES


def test_a_link_in_an_unpacked_download_is_not_followed(course, tmp_path):
    source = unpacked(tmp_path / "down", {"hopperjane_101_9_a.ipynb": NOTEBOOK})
    (source / "turingalan_106_8_b.ipynb").symlink_to("/etc/passwd")
    (source / "folder").symlink_to(tmp_path)
    done, placed = course(source)
    assert placed == {"hop/a.ipynb"} and str(done).count("which is not followed") == 2


def test_a_download_of_no_platform_says_so(course, tmp_path):
    with pytest.raises(ValueError, match="no download of canvas, moodle"):
        course(unpacked(tmp_path / "down", {"anna.ipynb": NOTEBOOK}))
    with pytest.raises(ValueError, match="blackboard"):
        course(tmp_path / "down", platform="blackboard")


def test_a_file_and_a_folder_of_one_name_stop_nobody(course, tmp_path):
    files = {"ada/tiny/a": "file", "hop/tiny/mine.ipynb": NOTEBOOK}
    source = zipped(tmp_path / "x.zip", files | {"ada/tiny/a/b.ipynb": NOTEBOOK})
    done, placed = course(source, platform="jupyterhub")
    assert placed == {"ada/a", "hop/mine.ipynb"} and "ada/tiny/a/b.ipynb: it cannot be written" in str(done)


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20
) | st.sampled_from(["..", "a  b", "Wang Wei", "\x1b[2J", "-x"])


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.tuples(NAMES, st.integers(1, 3), NAMES, st.booleans()),
        st.sampled_from([NOTEBOOK, OTHER]),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_the_names_are_nothing_is_lost_and_twice_is_once(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("names")
    members = {
        f"{name}_{number}_assignsubmission_{'file' if deep else 'onlinetext'}/{'x/' * deep}{rest}": content
        for (name, number, rest, deep), content in files.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of two with one name in the archive
        zipped(folder / "x.zip", members)
    with opened(folder / "x.zip") as (readable, refused):
        assert len(readable) + len(refused) <= len(members)
        found = len(readable)
    if not found:
        return
    try:
        first = collect("tiny", folder / "x.zip", folder / "in", folder / "t.csv")
    except ValueError:  # no file is named as Moodle names it
        assert not (folder / "in").exists()
        return
    placed, table = tree(folder / "in"), (folder / "t.csv").read_bytes()
    assert {path.name for path in folder.iterdir()} == {"x.zip", "in", "t.csv"}, (
        "nothing is written elsewhere"
    )
    assert {row.file for row in first.rows if row.file} == placed
    assert len(first.rows) + sum("not named as Moodle" in line for line in first.asks) >= found
    assert str(first).isprintable() or "\x1b" not in str(first)
    again = collect("tiny", folder / "x.zip", folder / "in", folder / "t.csv")
    assert (tree(folder / "in"), (folder / "t.csv").read_bytes()) == (placed, table)
    assert set(again.rows) == set(first.rows)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40), max_size=6),
    st.sampled_from([*PLATFORMS]),
)
def test_no_name_breaks_out_of_a_layout(names, platform):
    files = [archives.ArchivedFile(f"{name}_1_2_{name}", 0.0, lambda: b"{}") for name in names]
    files += [
        archives.ArchivedFile(f"{name}_3_assignsubmission_file_/x/{name}", 0.0, lambda: b"{}")
        for name in names
    ]
    files += [archives.ArchivedFile(f"{name}/tiny/timestamp.txt", 0.0, lambda: b"now") for name in names]
    hand_ins, _ = PLATFORMS[platform](files, "tiny")
    assert len({one.key for one in hand_ins}) == len(hand_ins)
    assert all(one.name and one.files and one.submitted == "" for one in hand_ins)


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("hopperjane_LATE_101_9_tiny-1.ipynb", "hopperjane_LATE_101_9_f.html"),
        ("weiwang_102_11_a_1_b.ipynb", "weiwang_102_11_f.html"),
        ("turingalan_106_14_tiny.zip/deep/mine.ipynb", "turingalan_106_14_f.html"),
        ("anon_x7Yz1_11_a.ipynb", ""),
        ("müllerjürgen_104_text.html", ""),
        ("Wang Wei_7_assignsubmission_file_/deep/a.ipynb", "Wang Wei_7_assignsubmission_file/f.html"),
        ("Jane Hopper_9_assignsubmission_file_tiny.ipynb", "Jane Hopper_9_assignsubmission_file/f.html"),
        ("submission_11/a.ipynb", ""),
    ],
)
def test_pages_go_where_the_platform_looks_for_them(source, place):
    assert feedback_place(source, "f.html") == place


def as_canvas_reads(name: str) -> list[str]:
    """The user and the attachment of an uploaded file, as `infer_comment_context_from_filename` takes them."""
    return [part for part in name.split("_") if part.isdecimal()][:2]


def as_moodle_reads(path: str) -> list[str]:
    """The participant, the plugin and the file of an uploaded page, as `is_valid_filename_for_import` takes them."""
    folder, *rest = path.split("/")
    parts = folder.split("_", 4)
    return [parts[1], "_".join(parts[2:4]), "/".join([*parts[4:], *rest]).lstrip("/")]


def test_an_upload_of_pages_is_assigned_as_the_download_was(course, tmp_path):
    done, _ = course(zipped(tmp_path / "canvas.zip", canvas_files()))
    for row in done.rows:
        if place := feedback_place(row.source, "tiny_feedback.html"):
            assert as_canvas_reads(place)[0] == row.hand_in.rpartition("_")[2]
            assert as_canvas_reads(place)[1] in row.source.split("_")
    done, _ = course(zipped(tmp_path / "moodle.zip", MOODLE))
    for row in done.rows:
        if row.source in MOODLE:
            who, plugin, name = as_moodle_reads(feedback_place(row.source, "tiny_feedback.html"))
            assert who == row.hand_in.rpartition("_")[2] and name == "tiny_feedback.html"
            assert plugin in ("assignsubmission_file", "assignsubmission_onlinetext")
