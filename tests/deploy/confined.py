"""Runs a command as a service manager or a container runtime would confine it: `python confined.py OPTIONS COMMAND …`.

OPTIONS is a JSON object: `writable` (the only directories that stay writable), `user` (a number), `files` (most open ones), `calls`
(system calls that are allowed; others fail with EPERM), `families` (of sockets), `no_new_code` (memory that was written is
never executed), as systemd's own filters do it. What the kernel refuses to set up ends the program with a sentence.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EQ, _GE, _MASKED_EQ, _FAMILIES = 4, 5, 7, 46
_PROT_WRITE, _PROT_EXEC, _SHM_EXEC = 2, 4, 0o100000
_CLONE_NEWNS, _PR_SET_NO_NEW_PRIVS = 0x00020000, 38


class _Comparison(ctypes.Structure):
    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


class _Filter:
    """A seccomp filter of libseccomp, which systemd uses too. Raises OSError: the library is not installed."""

    def __init__(self, default: int) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._filter = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(default)))

    def add(self, action: int, call: str, *comparisons: tuple[int, int, int, int]) -> None:
        """A rule for a system call; names that this machine's kernel does not have are passed over."""
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return
        array = (_Comparison * max(1, len(comparisons)))(*(_Comparison(*one) for one in comparisons))
        added = self._library.seccomp_rule_add_array(
            self._filter, ctypes.c_uint32(action), number, len(comparisons), array
        )
        if added not in (0, -errno.EACCES):  # EACCES: the rule says what happens by default
            raise OSError(-added, f"no rule for {call}")

    def load(self) -> None:
        if failed := self._library.seccomp_load(self._filter):
            raise OSError(-failed, "the filter cannot be loaded")


def _only_writable(directories: list[str]) -> None:
    """Remount every file system read-only, but for some directories."""
    os.umask(0o022)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "no mount namespace of its own")
    kept = {Path(one).resolve() for one in directories}
    _mount("--make-rprivate", "/")
    sources = filter(os.path.isdir, sys.path)
    _open_to_others({Path(one).resolve() for one in (sys.base_prefix, sys.prefix, *sources)}, min(kept))
    for one in kept:
        _mount("--bind", one, one)
    mounted = Path("/proc/self/mountinfo").read_text().splitlines()
    for place in (Path(line.split()[4].encode().decode("unicode_escape")) for line in mounted):
        if place not in kept and place.parts[1:2] not in (("proc",), ("sys",), ("dev",)):
            _mount("-o", "remount,bind,ro", place)


def _open_to_others(needed: set[Path], spare: Path) -> None:
    """Let every user reach some folders, for this process alone, where a folder above them is closed (`/root`)."""
    closed = {}
    for place in (one for one in needed if needed.isdisjoint(one.parents)):
        if shut := [above for above in place.parents if not above.stat().st_mode & 0o001]:
            closed[place] = shut[-1]
    for number, place in enumerate(closed):
        (spare / str(number)).mkdir()
        _mount("--bind", place, spare / str(number))
    for folder in set(closed.values()):
        _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    for number, place in enumerate(closed):
        place.mkdir(parents=True, exist_ok=True)
        _mount("--move", spare / str(number), place)
        (spare / str(number)).rmdir()


def _mount(*arguments: str | Path) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise OSError(errno.EPERM, done.stderr.strip())


def confine(options: dict[str, Any]) -> None:
    """Give up what `options` says, for this process and all that it starts. Raises OSError."""
    if "writable" in options:
        _only_writable(options["writable"])
    if "files" in options:
        most = min(options["files"], resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if "user" in options:
        os.setgroups([])
        os.setgid(options["user"])
        os.setuid(options["user"])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if options.get("no_new_code"):
        denied = _Filter(_ALLOW)
        refuse = _ERRNO | errno.EPERM
        both = _PROT_WRITE | _PROT_EXEC
        denied.add(refuse, "mmap", (2, _MASKED_EQ, both, both))
        for call in ("mprotect", "pkey_mprotect"):
            denied.add(refuse, call, (2, _MASKED_EQ, _PROT_EXEC, _PROT_EXEC))
        denied.add(refuse, "shmat", (2, _MASKED_EQ, _SHM_EXEC, _SHM_EXEC))
        denied.load()
    if "families" in options:
        denied = _Filter(_ALLOW)
        allowed_families = {int(getattr(socket, name)) for name in options["families"]}
        for family in set(range(_FAMILIES)) - allowed_families:
            denied.add(_ERRNO | errno.EAFNOSUPPORT, "socket", (0, _EQ, family, 0))
        denied.add(_ERRNO | errno.EAFNOSUPPORT, "socket", (0, _GE, _FAMILIES, 0))
        denied.load()
    if "calls" in options:
        allowed = _Filter(_ERRNO | errno.EPERM)
        for call in options["calls"]:
            allowed.add(_ALLOW, call)
        allowed.load()


if __name__ == "__main__":
    try:
        confine(json.loads(sys.argv[1]))
    except OSError as error:
        sys.exit(f"not confined: {error}")
    os.execvp(sys.argv[2], sys.argv[2:])
