"""The files that the engine process may read: its data, Python's and the system's libraries; by Landlock, on Linux.

The engine's function `file` reads any file that its process may read, whoever asks. So the process gives up reading the
rest, such as settings, the accounts database and the keys of other programs, before it opens the engine. Where the
kernel has no Landlock (before 5.19, or switched off), it goes on without.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_READ_FILE, _REFER = 1 << 2, 1 << 13
_KNOWS_REFER = 2
"""The first version of Landlock under which files can be moved between directories, as the engine does."""
_NO_NEW_PRIVILEGES = 38
_OF_THE_SYSTEM = (
    "/usr", "/lib", "/lib64", "/opt", "/nix/store", "/sys", "/dev", "/etc/ld.so.cache", "/etc/localtime",
    "/etc/timezone", "/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf", "/proc/self", "/proc/sys", "/proc/meminfo",
    "/proc/cpuinfo", "/proc/stat", "/proc/loadavg", "/proc/uptime", "/proc/vmstat", "/proc/diskstats", "/proc/version",
    "/proc/pressure",
)  # fmt: skip
"""Files of the system that the engine may read. None is of another process, whose environment has secrets."""


def read_only_own(data: Path) -> bool:
    """Let this thread, and threads and processes that it starts, read no files but those of the engine.

    Args:
        data: the directory of the tables; directories in it may be links to other disks.

    Returns:
        Whether the kernel does this.
    """
    if not sys.platform.startswith("linux"):
        return False
    call = ctypes.CDLL(None, use_errno=True).syscall
    if call(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION) < _KNOWS_REFER:
        return False
    handled = struct.pack("Q", _READ_FILE | _REFER)
    ruleset = call(_CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), 0)
    if ruleset < 0:
        return False
    for path in (data, *(child for child in data.iterdir() if child.is_symlink() and child.is_dir())):
        _allow(call, ruleset, str(path), _READ_FILE | _REFER)
    for library in {sys.prefix, sys.base_prefix, *sys.path, *_OF_THE_SYSTEM} - {""}:
        _allow(call, ruleset, library, _READ_FILE)
    ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    done: int = call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return done == 0


def _allow(call: Callable[..., Any], ruleset: int, path: str, rights: int) -> None:
    """Allow something with a file, or with everything beneath a directory; nothing where there is none."""
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, opened), 0)
    os.close(opened)
