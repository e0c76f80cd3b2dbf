"""System call filter: no sockets, no new namespaces, no access to other processes. No privilege is needed."""

from __future__ import annotations

import ctypes
import errno
import struct

from cnnlab.grading.sandbox import syscalls

# The refused calls, with their numbers on x86_64 and aarch64 (None: there is no such call).
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
    **{
        "open_by_handle_at": (304, 265),
        "name_to_handle_at": (303, 264),
        "acct": (163, 89),
        "quotactl": (179, 60),
    },
    **{"settimeofday": (164, 170), "clock_settime": (227, 112), "syslog": (103, 116), "vhangup": (153, 58)},
    **{"memfd_create": (319, 279), "memfd_secret": (447, 447), "shmat": (30, 196)},
    **{"shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180)},
}
SIGNALS = {
    **{"kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "pidfd_send_signal": (424, 424)},
    **{"rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240)},
}
# Landlock does not check these, for files whose content it protects; on x86_64 some have an older name too.
CHANGES = {
    **{
        "chmod": (90, 53),
        "fchmod": (91, 52),
        "fchmodat": (268, 53),
        "fchmodat2": (452, 452),
        "chown": (92, 54),
    },
    **{
        "fchown": (93, 55),
        "lchown": (94, 54),
        "fchownat": (260, 54),
        "utime": (132, 88),
        "utimes": (235, 88),
    },
    **{"futimesat": (261, 88), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6)},
    **{"fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16)},
}
CLONE, CLONE3 = (56, 220), 435
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
NEW_NAMESPACES = 0x7E020000 | 0x80  # every CLONE_NEW... flag
LOAD, EQUAL, GREATER_EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000


def available() -> bool:
    """Whether the filter supports this machine; the kernel is asked when it is installed."""
    return syscalls.LINUX and syscalls.MACHINE in ARCHITECTURES


def install(*, alone: bool) -> None:
    """Refuse the calls of `REFUSED_CALLS`, for good; and of `SIGNALS` and `CHANGES` too if the process is not `alone`.

    Alone means that no other processes and no writable files are visible to it.

    The process must have given up new privileges (no_new_privs) before.
    """
    if not available():
        raise OSError(f"there is no filter for {syscalls.MACHINE}")
    program = _program(REFUSED_CALLS if alone else REFUSED_CALLS | SIGNALS | CHANGES)
    code = ctypes.create_string_buffer(program, len(program))
    pointer = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(code)))
    syscalls.prctl(syscalls.PR_SET_SECCOMP, 2, pointer)


def _program(refused: dict[str, tuple[int, int]]) -> bytes:
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
    for numbers in refused.values():
        lines += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, REFUSE | errno.EPERM)]
    # clone3 hides its flags behind a pointer; without it the C library falls back on clone, whose flags can be read.
    lines += [(EQUAL, 0, 1, CLONE3), (RETURN, 0, 0, REFUSE | errno.ENOSYS)]
    lines += [(EQUAL, 0, 3, CLONE[column]), (LOAD, 0, 0, 16)]
    lines += [(ANY_BIT, 0, 1, NEW_NAMESPACES), (RETURN, 0, 0, REFUSE | errno.EPERM), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)
