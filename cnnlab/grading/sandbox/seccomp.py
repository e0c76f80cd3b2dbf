"""System call filter: no sockets, no new namespaces, no access to other processes, no memory that nobody counts. It needs no privilege."""

from __future__ import annotations

import ctypes
import errno
import struct

from cnnlab.grading.sandbox import syscalls

# The refused calls, with their numbers on x86_64 and aarch64.
REFUSED_CALLS = {
    **{"socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201)},
    **{"ptrace": (101, 117), "process_vm_readv": (310, 270)},
    **{"process_vm_writev": (311, 271), "pidfd_getfd": (438, 438), "kcmp": (312, 272), "unshare": (272, 97)},
    **{"setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41)},
    **{"chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430)},
    **{"mount_setattr": (442, 442), "bpf": (321, 280), "perf_event_open": (298, 241), "keyctl": (250, 219)},
    **{"add_key": (248, 217), "request_key": (249, 218), "userfaultfd": (323, 282)},
    **{"io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "init_module": (175, 105)},
    **{"finit_module": (313, 273), "kexec_load": (246, 104), "reboot": (169, 142), "swapon": (167, 224)},
    **{"open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "acct": (163, 89)},
    **{"settimeofday": (164, 170), "clock_settime": (227, 112), "syslog": (103, 116), "vhangup": (153, 58)},
    **{"memfd_create": (319, 279), "memfd_secret": (447, 447), "shmat": (30, 196), "quotactl": (179, 60)},
    **{"shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180)},
}
# Where the guard is in the same process namespace, it could be stopped.
SIGNALS = {
    **{"kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "pidfd_send_signal": (424, 424)},
    **{"rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "setpriority": (141, 140)},
}
CLONE, CLONE3, FCNTL, MMAP, PRLIMIT = (56, 220), 435, (72, 25), (9, 222), (302, 261)
NEW_NAMESPACES = 0x7E020000 | 0x80  # every CLONE_NEW... flag
SHARED_ANONYMOUS = 0x21  # pages of such a mapping stay when a process lets go of them, and count as nobody's
SIGNAL_OWNERS = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: the kernel sends the signals then
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
LOAD, AND, EQUAL, GREATER_EQUAL, ANY_BIT, RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
ALLOWED, REFUSED = (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE | errno.EPERM)


def available() -> bool:
    """Whether the filter supports this machine; the kernel is asked when it is installed."""
    return syscalls.LINUX and syscalls.MACHINE in ARCHITECTURES


def install(*, alone: bool) -> None:
    """Refuse the calls of `REFUSED_CALLS`, for good; and signals too if the process is not `alone` in its process namespace.

    The process must have given up new privileges (no_new_privs) before.
    """
    if not available():
        raise OSError(f"there is no filter for {syscalls.MACHINE}")
    program = _program(alone)
    code = ctypes.create_string_buffer(program, len(program))
    pointer = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(code)))
    syscalls.prctl(syscalls.PR_SET_SECCOMP, 2, pointer)


def _program(alone: bool) -> bytes:
    """The filter as classic BPF code; each line is operation, jump if true, jump if false, operand."""
    column = list(ARCHITECTURES).index(syscalls.MACHINE)
    lines = [
        (LOAD, 0, 0, 4),
        (EQUAL, 1, 0, ARCHITECTURES[syscalls.MACHINE]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, 0),
    ]
    if syscalls.MACHINE == "x86_64":  # the second set of numbers, for 32-bit pointers
        lines += [(GREATER_EQUAL, 0, 1, 0x40000000), (RETURN, 0, 0, REFUSE | errno.ENOSYS)]
    for numbers in (REFUSED_CALLS if alone else REFUSED_CALLS | SIGNALS).values():
        lines += [(EQUAL, 0, 1, numbers[column]), REFUSED]
    # clone3 hides its flags behind a pointer; without it the C library falls back on clone, whose flags can be read.
    lines += [(EQUAL, 0, 1, CLONE3), (RETURN, 0, 0, REFUSE | errno.ENOSYS)]
    lines += _unless(CLONE[column], 0, [(ANY_BIT, 0, 1, NEW_NAMESPACES)])
    lines += _unless(MMAP[column], 3, [(AND, 0, 0, SHARED_ANONYMOUS), (EQUAL, 0, 1, SHARED_ANONYMOUS)])
    lines += _unless(PRLIMIT[column], 0, [(EQUAL, 1, 0, 0)])  # of another process than itself
    if not alone:
        first, second, third = SIGNAL_OWNERS
        tests = [(EQUAL, 2, 0, first), (EQUAL, 1, 0, second), (EQUAL, 0, 1, third)]
        lines += _unless(FCNTL[column], 1, tests)
    return b"".join(struct.pack("<HBBI", *line) for line in [*lines, ALLOWED])


def _unless(
    call: int, argument: int, tests: list[tuple[int, int, int, int]]
) -> list[tuple[int, int, int, int]]:
    """Refuse a call whose argument (its low 32 bits) passes the `tests`, which go on to the next line for that; allow it else."""
    body = [(LOAD, 0, 0, 16 + 8 * argument), *tests, REFUSED, ALLOWED]
    return [(EQUAL, 0, len(body), call), *body]
