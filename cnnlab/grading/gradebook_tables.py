"""Tables of the gradebook, and what brings an older one to the present version."""

from __future__ import annotations

APPLICATION_ID = 0x636E6E67  # "cnng", so that another program's database is not taken for a gradebook

TABLES = """
create table facts (name text primary key, value text not null);
create table submissions (
    assignment text, student text, fingerprint text not null, status text not null, note text, notes text, walls text, printed text,
    digest text, submitted real, graded real, seconds real, primary key (assignment, student)
);
create table questions (
    assignment text, student text, place integer, question text, status text not null, points real, out_of real, notes text, review text,
    code text, printed text, primary key (assignment, student, question)
);
create table cases (
    assignment text, student text, question text, place integer, name text, points real, out_of real, hint text, picture blob,
    primary key (assignment, student, question, place)
);
"""
MIGRATIONS = (  # each brings a gradebook to the next version
    """
create table exhibits (
    assignment text, student text, question text, place integer, name text, code text, alt text, picture blob,
    primary key (assignment, student, question, place)
);
create table decisions (
    number integer primary key autoincrement, assignment text not null, student text not null, question text not null, kind text not null,
    points real not null, criteria text not null, comments text not null, reason text not null, second_look integer not null,
    marker text not null, digest text not null, time real not null, seen integer not null, unseen text not null
);
create index decisions_on on decisions (assignment, student, question);
""",
)
VERSION = 1 + len(MIGRATIONS)
OF_A_RESULT = ("submissions", "questions", "cases", "exhibits")  # written, moved and dropped together
