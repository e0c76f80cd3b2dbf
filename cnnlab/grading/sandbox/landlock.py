"""Landlock: a process gives up access to the file system except for a list of folders. No privilege is needed."""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

from cnnlab.grading.sandbox import syscalls

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
OF_FILES = {1: EXECUTE | WRITE_FILE | READ_FILE, 3: 1 << 14, 5: 1 << 15}  # truncate, device control
HANDLED = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # rights by version of Landlock
TCP, SCOPES = 0b11, 0b11  # bind and connect (version 4); abstract sockets and signals (version 6)


def version() -> int:
    """The Landlock version of this kernel; 0 without Landlock."""
    try:
        return syscalls.system_call("landlock_create_ruleset", None, 0, 1)
    except OSError:
        return 0


def restrict(readable: Iterable[str | Path], writable: Iterable[str | Path]) -> None:
    """Give up access to all files but those below `readable` (to read and run) and `writable` (full access), for good.

    TCP, signals to others and abstract sockets are refused too where the kernel's Landlock supports that. Missing paths are ignored.
    The process must have given up new privileges (no_new_privs) before.
    """
    abi_version = version()
    if not abi_version:
        raise OSError("this kernel has no Landlock")
    everything = sum(rights for first_version, rights in HANDLED.items() if first_version <= abi_version)
    of_files = sum(rights for first_version, rights in OF_FILES.items() if first_version <= abi_version)
    attributes = struct.pack("<Q", everything)
    if abi_version >= 4:
        attributes += struct.pack("<Q", TCP)
    if abi_version >= 6:
        attributes += struct.pack("<Q", SCOPES)
    rules = syscalls.system_call("landlock_create_ruleset", attributes, len(attributes), 0)
    try:
        for path in readable:
            _allow(rules, path, EXECUTE | READ_FILE | READ_DIR, of_files)
        for path in writable:
            _allow(rules, path, everything, of_files)
        syscalls.system_call("landlock_restrict_self", rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: str | Path, rights: int, of_files: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= of_files
        rule = ctypes.create_string_buffer(struct.pack("<Qi", rights, opened))
        syscalls.system_call("landlock_add_rule", rules, 1, rule, 0)
    finally:
        os.close(opened)
