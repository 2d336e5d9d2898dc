"""Files of the object cache: what is stored, how it is checked, and which folder may hold it.

Enters: a key (the digest of all that an entry depends on) and bytes. Leaves: the same bytes, in
this process or a later one, or None: a file that is truncated or damaged is never handed on, since
LLVM crashes on it.

An entry is a line of JSON (key, length, sha256, the names it imports), then the bytes. It is
written beside its place and renamed, so that parallel processes see all of it or nothing.

    store = open_store(Path("~/.cache/graphc").expanduser())
    store.put("0a1b", Entry(code, ("expf",)))
    store.get("0a1b") == Entry(code, ("expf",))
"""

import contextlib
import hashlib
import json
import os
import stat
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

from graphc.errors import CacheWarning

_SUFFIX = ".graphc"


@dataclass(frozen=True, slots=True)
class Entry:
    """Bytes (an object file, or LLVM IR) and the C functions that they need."""

    data: bytes
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of entries; without a folder it holds nothing."""

    folder: Path | None

    def get(self, key: str) -> Entry | None:
        """The entry of a key, if there is a sound one."""
        if self.folder is None:
            return None
        path = self.folder / (key + _SUFFIX)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _warn(f"{path} cannot be read ({error})")
            return None
        entry = _decode(key, content)
        if entry is None:
            _warn(f"{path} is damaged")
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry. A folder that cannot be written to gives a warning: all works without."""
        if self.folder is None:
            return
        try:
            _write_at_once(self.folder / (key + _SUFFIX), _encode(key, entry))
        except OSError as error:
            _warn(f"{self.folder} cannot be written to ({error})")

    def files(self) -> list[Path]:
        """The files of all entries, whatever CPU or version they were made for."""
        return [] if self.folder is None else sorted(self.folder.glob("*" + _SUFFIX))

    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.stat().st_size for file in self.files())

    def clear(self) -> None:
        """Remove all entries. Code that is loaded already stays loaded."""
        for file in self.files():
            file.unlink(missing_ok=True)


def open_store(folder: Path) -> Store:
    """The store in a folder, which is made if need be.

    A folder that belongs to someone else, or that others have access to, is refused: what lies in
    it is run.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        objection = _objection(folder)
    except OSError as error:
        objection = str(error)
    if objection is None:
        return Store(folder)
    _warn(f"the cache folder {folder} is not used: {objection}")
    return Store(None)


def _objection(folder: Path) -> str | None:
    """Why a folder is not private; None if it is. On Windows the user's profile is private."""
    if os.name != "posix":
        return None
    status = folder.stat()
    if status.st_uid != os.getuid():
        return "it belongs to another user"
    if stat.S_IMODE(status.st_mode) & 0o077:
        return "others have access to it (chmod 700 makes it private)"
    return None


def _encode(key: str, entry: Entry) -> bytes:
    digest = hashlib.sha256(entry.data).hexdigest()
    header = {"key": key, "length": len(entry.data), "sha256": digest, "imports": entry.imports}
    return json.dumps(header).encode() + b"\n" + entry.data


def _decode(key: str, content: bytes) -> Entry | None:
    line, _, data = content.partition(b"\n")
    try:
        header = json.loads(line)
        expected = header["key"], header["length"], header["sha256"]
        imports = tuple(map(str, header["imports"]))
    except (ValueError, KeyError, TypeError):
        return None
    sound = (key, len(data), hashlib.sha256(data).hexdigest()) == expected
    return Entry(data, imports) if sound else None


def _write_at_once(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _warn(message: str) -> None:
    warnings.warn(f"{message}; kernels are compiled afresh", CacheWarning, stacklevel=2)
