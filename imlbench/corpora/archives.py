"""The members of a tar archive as a stream of groups: headers are read one by one, data only where asked for.

Names of members are text and nothing else: no file is ever made from one.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from imlbench.datasets.files import IMAGE_SUFFIXES
from imlbench.errors import Reason, SampleError, one_line

MAX_HEADER_BYTES = 1 << 20
"""A name of more than 1 MiB is none; tarfile would read one of any length into memory."""
MAX_TAIL_BYTES = 1 << 20
"""Bytes after the end mark that are looked at: zeros are padding."""
MAX_EXTRAS = 5
"""Members of a group that are remembered although they have no part in it."""

BROKEN_TAR = (tarfile.TarError, OSError, ValueError, OverflowError, MemoryError, LookupError)
"""What tarfile raises on damaged or hostile archives."""


class ShortReads:
    """A file of which tarfile gets headers only: it asks for data nowhere, so a long read is an attack."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.tell: Callable[[], int] = file.tell
        self.seek: Callable[..., int] = file.seek

    def read(self, size: int) -> bytes:
        """At most `size` bytes.

        Raises:
            tarfile.ReadError: more is asked for than a header may take.
        """
        if not 0 <= size <= MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._file.read(size)


@dataclass(slots=True)
class Group:
    """Members side by side that have the same key.

    Attributes:
        key: their common name: folder and base name up to its first dot.
        members: the first member of each extension asked for, by extension, lower case.
        doubled: extensions asked for that came again.
        extras: some of the other extensions, for messages.
        pictured: whether any of the members is called an image.
    """

    key: str
    members: dict[str, tarfile.TarInfo] = field(default_factory=dict)
    doubled: set[str] = field(default_factory=set)
    extras: list[str] = field(default_factory=list)
    pictured: bool = False

    def add(self, extension: str, member: tarfile.TarInfo, wanted: bool) -> None:
        """Note one more member."""
        self.pictured |= f".{extension.rpartition('.')[2]}" in IMAGE_SUFFIXES
        if not wanted:
            if len(self.extras) < MAX_EXTRAS:
                self.extras.append(extension)
        elif extension in self.members:
            self.doubled.add(extension)
        else:
            self.members[extension] = member


def open_tar(file: IO[bytes]) -> tarfile.TarFile:
    """The archive in an opened file.

    Raises:
        SampleError: it does not begin as an uncompressed archive does.
    """
    try:
        reads: Any = ShortReads(file)
        return tarfile.TarFile(fileobj=reads, mode="r", errors="backslashreplace")
    except BROKEN_TAR as error:
        raise SampleError(Reason.UNREADABLE, f"cannot be read as an uncompressed tar archive ({error})") from None


def groups(tar: tarfile.TarFile, file: IO[bytes], wanted: Callable[[str], bool]) -> Iterator[Group]:
    """The groups of an archive, in its order.

    Args:
        tar: the archive.
        file: the same file, for what tarfile does not tell.
        wanted: whether an extension, lower case, has a part in a pair.

    Raises:
        SampleError: after the last whole group, where the archive is damaged or cut off.
    """
    group: Group | None = None
    damage: SampleError | None = None
    try:
        for member in members(tar):
            key, extension = split_name(member.name)
            if not key:
                continue
            if group is None or group.key != key:
                if group is not None:
                    yield group
                group = Group(key)
            group.add(extension, member, wanted(extension))
        check_end(file, tar.offset)
    except BROKEN_TAR as error:
        damage = SampleError(Reason.UNREADABLE, f"damaged: {one_line(error, 200)}; what follows is lost")
    except SampleError as error:
        damage = error
    if group is not None:
        yield group
    if damage is not None:
        raise damage


def members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Headers of all members but folders, without keeping them.

    Raises:
        SampleError: a member that begins where the last one did, which would go on for ever.
    """
    last = -1
    while (member := tar.next()) is not None:
        # tarfile keeps all headers that it ever saw.
        tar.members.clear()  # type: ignore[attr-defined]
        if tar.offset <= last or member.size < 0:
            raise SampleError(Reason.UNREADABLE, "damaged: a member of negative size; what follows is lost")
        last = tar.offset
        if not member.isdir():
            yield member


def split_name(name: str) -> tuple[str, str]:
    """Key and extension of a member: "a/b.edited.jpg" is ("a/b", "edited.jpg"); hidden files have no key."""
    folder, slash, base = name.rpartition("/")
    start, dot, extension = base.partition(".")
    return (f"{folder}{slash}{start}" if start else "", extension.lower() if dot else "")


def check_end(file: IO[bytes], offset: int) -> None:
    """Make sure that an archive ends with its mark, a block of zeros, and that nothing follows.

    Raises:
        SampleError: it was cut off, is damaged in a header, or another one was appended.
    """
    file.seek(offset)
    tail = file.read(MAX_TAIL_BYTES)
    if len(tail) < tarfile.BLOCKSIZE:
        raise SampleError(Reason.UNREADABLE, "cut off: the mark at the archive's end is missing; what followed is lost")
    if tail.strip(b"\0"):
        raise SampleError(Reason.UNREADABLE, f"damaged at byte {offset}: neither member nor end; what follows is lost")


def read_member(file: IO[bytes], member: tarfile.TarInfo, limit: int) -> bytes:
    """The data of a member.

    Raises:
        SampleError: it is a link or a device, too large, or cut off.
    """
    name = one_line(member.name, 120)
    if not member.isreg() or member.sparse is not None:
        raise SampleError(Reason.UNREADABLE, f"{name}: a regular file expected, found a link or a special file")
    if member.size > limit:
        raise SampleError(Reason.TOO_LARGE, f"{name}: {member.size} bytes, limit {limit}")
    try:
        file.seek(member.offset_data)
        data = file.read(member.size)
    except (OSError, ValueError) as error:
        raise SampleError(Reason.UNREADABLE, f"{name}: {one_line(error, 200)}") from None
    if len(data) < member.size:
        raise SampleError(Reason.UNREADABLE, f"{name}: cut off: {len(data)} of {member.size} bytes")
    return data
