"""A disk that can lose its power, run full and hang: ext4 in a file, on a loop device. Needs root."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN: nothing is written after it
_FREEZE, _THAW = 0xC0045877, 0xC0045878
POWER_CUTS = {"at once": 2, "after the journal": 1, "after all that is dirty": 0}
"""What the file system may still write when the power goes: flags of EXT4_IOC_SHUTDOWN."""
MOUNTS = ("noauto_da_alloc,commit=600", "data=writeback,noauto_da_alloc,commit=600", "defaults")
"""From the least to the most that a kernel writes without having been asked to."""
_BYTES = 4 * 1024**3


class NoDisk(Exception):
    """A loop device cannot be had here; the text says why."""


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoDisk(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.returncode}")
    return done.stdout.strip()


class Disk:
    """A file system of its own, mounted at `path`. `close` unmounts it and gives the loop device back.

    Args:
        options: of the mount, one of MOUNTS.

    Raises:
        NoDisk: it cannot be made, because of rights, programs or the kernel.
    """

    def __init__(self, options: str = MOUNTS[0]) -> None:
        if os.geteuid() != 0:
            raise NoDisk("only root can mount a file system")
        if missing := [name for name in ("losetup", "mkfs.ext4", "mount") if shutil.which(name) is None]:
            raise NoDisk(f"there is no program {missing[0]}")
        memory = Path("/dev/shm")
        within = memory if memory.is_dir() and shutil.disk_usage(memory).free > 2 * _BYTES else None
        self._folder = Path(tempfile.mkdtemp(prefix="trackway-disk-", dir=within))
        self.path, self._options, self._loop = self._folder / "mounted", options, ""
        self.path.mkdir()
        image = self._folder / "image"
        try:
            with image.open("wb") as file:
                file.truncate(_BYTES)
            _run("mkfs.ext4", "-q", "-E", "lazy_itable_init=1,nodiscard", "-J", "size=16", "-m", "0", image)
            self._loop = _run("losetup", "--find", "--show", image)
            self._mount()
        except BaseException:
            self.close()
            raise

    def _mount(self) -> None:
        _run("mount", "-t", "ext4", "-o", self._options, self._loop, self.path)

    def _control(self, request: int, flag: int) -> None:
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, request, struct.pack("I", flag))
        finally:
            os.close(descriptor)

    def cut(self, how: str) -> None:
        """Take the power away: from now on nothing is written."""
        self._control(_SHUTDOWN, POWER_CUTS[how])

    def back(self) -> None:
        """Give the power back, once nothing has files open: unmount, mount, and the journal is played."""
        _unmount(self.path)
        self._mount()

    def freeze(self) -> None:
        """Let every write wait until `thaw`."""
        self._control(_FREEZE, 0)

    def thaw(self) -> None:
        """Let writes go on."""
        self._control(_THAW, 0)

    def fill(self, left: int) -> None:
        """Take all the space but `left` bytes, until `free`."""
        space = shutil.disk_usage(self.path).free - left
        with (self.path / "ballast").open("ab") as file:
            while space > 4096:
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), space)
                    break
                except OSError:
                    space //= 2
        if left == 0:
            with (self.path / "ballast.rest").open("ab", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 4096)
                except OSError:
                    pass

    def free(self) -> None:
        """Give the space back."""
        for name in ("ballast", "ballast.rest"):
            (self.path / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount, detach, remove."""
        if self.path.is_mount():
            _unmount(self.path)
        if self._loop:
            subprocess.run(["losetup", "--detach", self._loop], check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Disk:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _unmount(path: Path) -> None:
    for _ in range(100):
        if subprocess.run(["umount", path], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    subprocess.run(["umount", "--lazy", path], check=False)
    raise NoDisk(f"{path} is still in use")
