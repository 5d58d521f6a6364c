"""The system calls that a pixel process may not make: a seccomp filter, assembled by hand.

A list of what is denied and not of what is allowed: decoders come inside wheels and call what
their C library likes, and a call that is missing from a list of allowed ones would fail images.
Denied calls fail with EPERM, later ones than this list knows with ENOSYS. Linux on x86-64 and
aarch64 only.
"""

import ctypes
import os
import platform
import struct
from typing import Final

# Of each call the numbers on x86-64 and on aarch64.
_DENIED: Final = {
    # The network; io_uring would pass by this filter.
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "accept": (43, 202),
    "accept4": (288, 242),
    "bind": (49, 200),
    "listen": (50, 201),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "recvmsg": (47, 212),
    "recvmmsg": (299, 243),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # Programs and processes; threads are made by `clone`, see below.
    "execve": (59, 221),
    "execveat": (322, 281),
    "memfd_secret": (447, 447),
    # Other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "setpgid": (109, 154),
    "setsid": (112, 157),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # Other rights than these, and another filter.
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setreuid": (113, 145),
    "setregid": (114, 143),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "setfsuid": (122, 151),
    "setfsgid": (123, 152),
    "setgroups": (116, 159),
    "capset": (126, 91),
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "personality": (135, 92),
    "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    # Mounts, and what Landlock does not see: modes, owners, attributes, times, devices.
    "mount": (165, 40),
    "umount2": (166, 39),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "utimensat": (280, 88),
    "mknodat": (259, 33),
    # The kernel and the machine.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    # Memory, semaphores and messages shared by number.
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183),
    "mq_notify": (244, 184),
    "mq_getsetattr": (245, 185),
}
# These have no number on aarch64.
_DENIED_ON_X86_64: Final = {
    "fork": 57,
    "vfork": 58,
    "uselib": 134,
    "chmod": 90,
    "chown": 92,
    "lchown": 94,
    "utime": 132,
    "utimes": 235,
    "futimesat": 261,
    "mknod": 133,
    "iopl": 172,
    "ioperm": 173,
    "modify_ldt": 154,
}

_ARCHITECTURES: Final = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_X32_BIT: Final = 0x40000000  # a second numbering of the same calls on x86-64
_NEWEST_KNOWN: Final = 450  # set_mempolicy_home_node: what came later may do anything

_KILL, _TGKILL, _PRCTL = (62, 129), (234, 131), (157, 167)
_IOCTL, _FCNTL, _PRLIMIT = (16, 29), (72, 25), (302, 261)
_CLONE, _CLONE3 = (56, 220), (435, 435)

_CLONE_THREAD: Final = 0x10000
_PR_SET_NAME: Final = 15  # decoders name their threads
# What files are asked for. The rest reaches devices, or types into the terminal of a shell.
_IOCTLS: Final = (0x5401, 0x5421, 0x541B, 0x5450, 0x5451)  # TCGETS FIONBIO FIONREAD FIO(N)CLEX
_SIGNAL_OWNERS: Final = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: a kill by another name

# Classic BPF: load a word of `struct seccomp_data`, compare, return.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24  # low words
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM, _ENOSYS = 1, 38

_PR_SET_SECCOMP_CALL: Final = (317, 277)  # of the call `seccomp`
_SET_MODE_FILTER, _ALL_THREADS = 1, 1


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def deny_system_calls() -> bool:
    """Install the filter for this process for good; False where there is none for the machine.

    `no_new_privs` must have been set.
    """
    known = _ARCHITECTURES.get(platform.machine())
    if known is None or not hasattr(os, "sched_getaffinity"):
        return False
    architecture, column = known
    code = _assembled(architecture, column)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    number = _PR_SET_SECCOMP_CALL[column]
    done = libc.syscall(number, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(program))
    return bool(done == 0)


def _assembled(architecture: int, column: int) -> bytes:
    denied = [numbers[column] for numbers in _DENIED.values()]
    steps = [
        _load(_ARCHITECTURE),
        _jump(_EQUAL, architecture, if_true=1),
        _return(_KILL_PROCESS),  # the 32-bit calls of the same machine
        _load(_NUMBER),
    ]
    if column == 0:
        denied += _DENIED_ON_X86_64.values()
        steps += [_jump(_AT_LEAST, _X32_BIT, if_false=1), _return(_ERRNO | _EPERM)]
    steps += [_jump(_AT_LEAST, _NEWEST_KNOWN + 1, if_false=1), _return(_ERRNO | _ENOSYS)]
    # glibc falls back to `clone`, whose flags can be read here.
    steps += [_jump(_EQUAL, _CLONE3[column], if_false=1), _return(_ERRNO | _ENOSYS)]
    for number in denied:
        steps += [_jump(_EQUAL, number, if_false=1), _return(_ERRNO | _EPERM)]
    own = os.getpid()
    steps += [
        *_only(_KILL[column], _FIRST_ARGUMENT, (own,)),
        *_only(_TGKILL[column], _FIRST_ARGUMENT, (own,)),
        *_only(_PRCTL[column], _FIRST_ARGUMENT, (_PR_SET_NAME,)),
        *_only(_PRLIMIT[column], _FIRST_ARGUMENT, (0, own)),
        *_only(_IOCTL[column], _SECOND_ARGUMENT, _IOCTLS),
        *_only(_FCNTL[column], _SECOND_ARGUMENT, _SIGNAL_OWNERS, otherwise=True),
        _jump(_EQUAL, _CLONE[column], if_false=4),
        _load(_FIRST_ARGUMENT),
        _jump(_ANY_BIT, _CLONE_THREAD, if_true=1),
        _return(_ERRNO | _EPERM),
        _return(_ALLOW),
        _return(_ALLOW),
    ]
    return b"".join(steps)


def _only(
    number: int, argument: int, values: tuple[int, ...], *, otherwise: bool = False
) -> list[bytes]:
    """Deny a call unless its argument is one of these values; `otherwise`, when it is."""
    ends = [_return(_ERRNO | _EPERM), _return(_ALLOW)]
    steps = [
        _load(argument),
        *(_jump(_EQUAL, value, if_true=len(values) - at) for at, value in enumerate(values)),
        *(reversed(ends) if otherwise else ends),
    ]
    return [_jump(_EQUAL, number, if_false=len(steps)), *steps]


def _load(offset: int) -> bytes:
    return struct.pack("=HBBI", _LOAD, 0, 0, offset)


def _jump(test: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", test, if_true, if_false, value)


def _return(action: int) -> bytes:
    return struct.pack("=HBBI", _RETURN, 0, 0, action)
