"""Files that survive a crash: written aside, made durable, renamed."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file so that a reader or a crash sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".put-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def put_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files that is whole or absent; who comes second leaves the first's."""
    if target.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".put-", dir=target.parent))
    try:
        for name, content in files.items():
            write_durably(folder / name, content)
        folder.chmod(0o755)
        os.replace(folder, target)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        # A folder that is not empty is not replaced: somebody else was faster.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    sync_folder(target.parent)


def append_durably(path: Path, line: bytes) -> None:
    """Append a line to a private file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        stream.write(line)
        stream.flush()
        os.fsync(stream.fileno())
    path.chmod(0o600)
    sync_folder(path.parent)
