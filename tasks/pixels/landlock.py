"""Landlock: what of the file system a process may see and change, and whom it may signal.

Linux 5.13 and newer; each version of its interface adds kinds of access, and all that the running
kernel has are denied but for what is granted.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the numbers of the system calls, on all machines
_ASK_VERSION, _BENEATH = 1, 1

# Bits of LANDLOCK_ACCESS_FS_*.
_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_FILE, _MAKE_REG = 1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 8
_TRUNCATE = 1 << 14
_READ: Final = _READ_FILE | _READ_DIR
_WORK: Final = _READ | _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _TRUNCATE
_OF_A_FILE: Final = _READ_FILE | _WRITE_FILE | _TRUNCATE  # the others make sense for folders only
# By version, how many bits of access to files there are: REFER, TRUNCATE and IOCTL_DEV came later.
_FILE_BITS: Final = {1: 13, 2: 14, 3: 15, 4: 15}
_NEWEST_FILE_BITS: Final = 16
_TCP, _TCP_SINCE = 0b11, 4  # bind and connect
_SCOPES, _SCOPES_SINCE = 0b11, 6  # abstract sockets of others, signals to others


def confine_files(work: int, readable: Iterable[Path]) -> int:
    """Leave this process one folder to work in, an open descriptor, and some to read from.

    Returns the version of Landlock's interface that the kernel has; 0: none, nothing was done.
    `no_new_privs` must have been set.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = max(0, int(libc.syscall(_CREATE, None, ctypes.c_size_t(0), _ASK_VERSION)))
    if not version:
        return 0
    handled = (1 << _FILE_BITS.get(version, _NEWEST_FILE_BITS)) - 1
    attributes = struct.pack("=Q", handled)
    if version >= _TCP_SINCE:
        attributes += struct.pack("=Q", _TCP)
    if version >= _SCOPES_SINCE:
        attributes += struct.pack("=Q", _SCOPES)
    rules = libc.syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        return 0
    try:
        _grant(libc, rules, _WORK & handled, to=work)
        for path in readable:
            with suppress(OSError):  # not on this system
                opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
                try:
                    _grant(libc, rules, _READ, to=opened)
                finally:
                    os.close(opened)
        done = libc.syscall(_RESTRICT, rules, 0)
    finally:
        os.close(rules)
    return 0 if done else version


def _grant(libc: ctypes.CDLL, rules: int, access: int, *, to: int) -> None:
    if not stat.S_ISDIR(os.fstat(to).st_mode):
        access &= _OF_A_FILE
    if libc.syscall(_ADD, rules, _BENEATH, struct.pack("=Qi", access, to), 0):
        raise OSError(ctypes.get_errno(), "Landlock does not take a rule")
