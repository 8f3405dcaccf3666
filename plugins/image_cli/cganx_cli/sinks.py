"""Where files go: a folder of this machine, or whatever fsspec knows. A file is there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import re
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

import click

from cganx_cli.locks import lock

__all__ = ["LocalSink", "RemoteSink", "Sink", "is_url", "local_path", "opened", "sink_of"]

T = TypeVar("T")
SCRATCH = ".cganx-"
FILE = "file://"
URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+(://|::)")
BLOCK = 16 * 2**20  # of a multipart upload, which has at most 10,000
PIECE = 4 * 2**20  # that goes to the thread that uploads
WAITING = 8  # pieces
FIRST_WAIT = 0.2
NUMBER = re.compile(r"^\[Errno [0-9]+\] ")
OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "az", "oci"})  # to make a folder there is to make a bucket
FOR_GOOD = frozenset(  # botocore's, by name, since it need not be installed: to ask again gives the same answer
    {
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "ConfigParseError",
        "UnauthorizedSSOTokenError",
        "NoAuthTokenError",
        "ParamValidationError",
    }
)


class Sink(Protocol):
    """A place for files, which names are relative to and have / between folders. Its errors are click.ClickException."""

    encoders: int
    """How many threads it takes to keep this place busy."""
    few: int
    """How many files are asked for one by one; for more all that are there are listed."""
    quick: bool
    """Whether to ask for a file costs nothing beside writing it."""

    def place(self, name: str = "") -> str:
        """What people call a file, or the whole."""

    def reach(self) -> None:
        """See whether the place is one, before anything is made. Nothing is written."""

    def open(self) -> None:
        """Make the place, and see that it can be written."""

    def close(self) -> None:
        """Leave nothing behind but whole files."""

    def names(self) -> Iterator[str]:
        """All files that are there."""

    def exists(self, name: str) -> bool:
        """Whether something has this name."""

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        """A file's bytes, from the end where ``start`` is negative; None where there is none."""

    def write(self, name: str, data: bytes, *, new: bool = False) -> None:
        """Put a whole file in place; with ``new`` never over another."""

    def stream(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """A file to write into that takes its name when the block ends, and is gone where it ends by an exception."""


def sink_of(out: str, patience: float) -> Sink:
    """The sink of a folder or URL. ``patience`` is for how many seconds a server that does not answer is asked again."""
    return RemoteSink(out, patience) if is_url(out) else LocalSink(local_path(out))


def is_url(out: str) -> bool:
    """Whether it is a place that fsspec must know."""
    return URL.match(out) is not None and not out.startswith(FILE)


def local_path(out: str) -> str:
    """The path of a folder that may be given as a URL."""
    return out.removeprefix(FILE)


@contextlib.contextmanager
def opened(sink: Sink) -> Iterator[None]:
    """A sink that is open for the time of the block."""
    try:
        sink.open()
        yield
    finally:
        sink.close()


# ----------------------------------------------------------------------------------------------------------------------
# A folder


class LocalSink:
    """A folder. Files are written in a folder of this process inside it, and renamed.

    The process holds a lock there. Who finds such a folder that nobody holds removes it: a killed process leaves no more than
    that, and the next one takes it away.
    """

    few = 1000
    quick = True

    def __init__(self, root: str) -> None:
        self.root = root
        self.encoders = 2 * _processors()  # some of them wait for the disk
        self._scratch = ""
        self._lock: int | None = None
        self._made = False

    def place(self, name: str = "") -> str:
        """The path."""
        return str(Path(self.root, name))

    def reach(self) -> None:
        """What is there must be a folder."""
        if os.path.lexists(self.root) and not os.path.isdir(self.root):
            raise click.UsageError(f"cannot write {self.root}: it is there, and is no folder; give -o a folder to fill")

    def open(self) -> None:
        """Make the folder, and in it a scratch folder under a lock."""
        with self._sentences(""):
            self._made = not os.path.isdir(self.root)
            os.makedirs(self.root, exist_ok=True)
            while not self._scratch:
                scratch = os.path.join(self.root, f"{SCRATCH}{secrets.token_hex(4)}")
                os.mkdir(scratch)
                try:
                    self._lock = lock(os.path.join(scratch, "lock"))
                    self._scratch = scratch if self._lock is not None else ""
                except FileNotFoundError:  # another process took it for one that was left
                    continue
                except OSError:  # a file system without locks, say
                    shutil.rmtree(scratch, ignore_errors=True)
                    self._leave()
                    raise
            self._sweep()

    def _sweep(self) -> None:
        with os.scandir(self.root) as entries:
            others = [entry.path for entry in entries if entry.name.startswith(SCRATCH) and entry.path != self._scratch]
        for path in others:
            held = None
            with contextlib.suppress(OSError):  # gone meanwhile, no folder, or another user's
                held = lock(os.path.join(path, "lock"))
            if held is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(held)

    def close(self) -> None:
        """Remove the scratch folder, and the folder itself where nothing came of it."""
        if self._lock is None:
            return
        shutil.rmtree(self._scratch, ignore_errors=True)
        os.close(self._lock)
        shutil.rmtree(self._scratch, ignore_errors=True)  # Windows keeps what is open
        self._lock, self._scratch = None, ""
        self._leave()

    def _leave(self) -> None:
        if self._made:
            with contextlib.suppress(OSError):
                os.rmdir(self.root)

    def names(self) -> Iterator[str]:
        """Files in the folder and those below, but for scratch."""
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if not name.startswith(SCRATCH)]
            inside = os.path.relpath(folder, self.root).replace(os.sep, "/")
            yield from files if inside == "." else (f"{inside}/{name}" for name in files)

    def exists(self, name: str) -> bool:
        """Also where it is a folder, or a link to nowhere."""
        return os.path.lexists(self._path(name))

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        """None also where a part of its path is no folder; writing says so."""
        try:
            with open(self._path(name), "rb", opener=_open_regular) as file:
                file.seek(start, os.SEEK_END if start < 0 else os.SEEK_SET)
                return file.read(-1 if length is None else length)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if start < 0 and error.errno == errno.EINVAL:  # it is shorter than that
                return b""
            raise click.ClickException(f"cannot read {self.place(name)}: {error.strerror or error}") from None

    def write(self, name: str, data: bytes, *, new: bool = False) -> None:
        """By a rename, which is the cheapest way there is; a power cut may leave a name without its bytes."""
        scratch = os.path.join(self._scratch, str(threading.get_ident()))
        with self._sentences(name):
            descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
            try:
                while data:
                    data = data[os.write(descriptor, data) :]
            finally:
                os.close(descriptor)
            self._rename(scratch, name, new)

    @contextlib.contextmanager
    def stream(self, name: str) -> Iterator[BinaryIO]:
        """Its bytes are on the disk before its name is."""
        scratch = os.path.join(self._scratch, f"stream-{secrets.token_hex(4)}")
        with self._sentences(name):
            try:
                with open(scratch, "xb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                self._rename(scratch, name, new=False)
            finally:
                with contextlib.suppress(OSError):
                    os.unlink(scratch)

    def _rename(self, scratch: str, name: str, new: bool) -> None:
        path = self._path(name)
        try:
            there = os.stat(path)
        except OSError:
            pass
        else:
            if new:
                raise FileExistsError(errno.EEXIST, "it is there already; say --existing skip or overwrite")
            if not stat.S_ISREG(there.st_mode):  # a rename would put a file in the place of a device or a pipe
                raise OSError(errno.EINVAL, "it is there, and is not a regular file")
        try:
            os.replace(scratch, path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.replace(scratch, path)

    def _path(self, name: str) -> str:
        return os.path.join(self.root, name) if name else self.root

    @contextlib.contextmanager
    def _sentences(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise click.ClickException(
                f"cannot write {self.place(name)}: {error.strerror or error}. Files that were written before are whole"
            ) from None


def _open_regular(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe would be waited for without end
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is there, and is not a regular file")
    return descriptor


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ----------------------------------------------------------------------------------------------------------------------
# What fsspec knows


class RemoteSink:
    """A URL of fsspec's. Object stores show an object when it is whole; what takes more than one block goes in parts."""

    few = 16
    quick = False
    encoders = 16  # they wait for answers most of the time

    def __init__(self, url: str, patience: float) -> None:
        try:
            from fsspec.asyn import get_loop
            from fsspec.core import url_to_fs
            from fsspec.utils import stringify_path
        except ModuleNotFoundError:
            raise click.ClickException(f'{url} needs fsspec, which is not installed: pip install "cganx[bulk]"') from None
        try:
            self.fs, root = url_to_fs(url)
        except ImportError as error:
            raise click.ClickException(f'{url}: {_line(error)}; pip install "cganx[bulk]" brings what s3:// needs') from None
        except ValueError as error:
            raise click.ClickException(f"{url}: {_line(error)}") from None
        self.url = url.rstrip("/")
        self.root = str(stringify_path(root)).rstrip("/")
        self.patience = patience
        protocols = {self.fs.protocol} if isinstance(self.fs.protocol, str) else {*self.fs.protocol}
        self._folders = not protocols & OBJECT_STORES
        if not self._folders and not self.root.partition("/")[0].strip():
            raise click.UsageError(f"cannot write {url}: it names no bucket; write it as s3://bucket/folder")
        get_loop().set_exception_handler(_unheard)

    def place(self, name: str = "") -> str:
        """The URL."""
        return f"{self.url}/{name}".rstrip("/")

    def reach(self) -> None:
        """Ask the server, so that one that does not answer is known before the first picture."""

        def ask() -> None:
            with contextlib.suppress(FileNotFoundError):
                self.fs.info(self.root)

        self._patiently("reach", "", ask)

    def open(self) -> None:
        """Object stores have nothing to open."""

    def close(self) -> None:
        """Nothing is left open."""

    def names(self) -> Iterator[str]:
        """Objects below the URL."""
        prefix = f"{self.root}/"
        for path in self._patiently("list", "", lambda: self.fs.find(self.root)):
            yield str(path).removeprefix(prefix)

    def exists(self, name: str) -> bool:
        """Whether there is such an object."""
        return bool(self._patiently("read", name, lambda: self.fs.exists(self._path(name))))

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        """By a range request."""
        end = None if length is None or start < 0 else start + length

        def read() -> bytes | None:
            try:
                found: bytes = self.fs.cat_file(self._path(name), start=start or None, end=end)
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno != errno.EINVAL or not start:  # S3's answer where the object ends before that
                    raise
                return b""
            return found

        return self._patiently("read", name, read)

    def write(self, name: str, data: bytes, *, new: bool = False) -> None:
        """One request; object stores take it whole or not at all."""
        if new and self.exists(name):
            raise click.ClickException(
                f"cannot write {self.place(name)}: it is there already; say --existing skip or overwrite"
            )
        self._patiently("write", name, lambda: self._put(self._path(name), data))

    def _put(self, path: str, data: bytes) -> None:
        try:
            self.fs.pipe_file(path, data)
        except FileNotFoundError:
            if not self._folders:
                raise
            self.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            self.fs.pipe_file(path, data)

    @contextlib.contextmanager
    def stream(self, name: str) -> Iterator[BinaryIO]:
        """A multipart upload, which is completed at the end and aborted where that does not come."""
        path = self._path(name)
        with self._sentences("write", name):
            if self._folders:
                self.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            file = self.fs.open(path, "wb", block_size=BLOCK, autocommit=False)
        given_up = threading.Event()
        if hasattr(file, "_call_s3"):  # s3fs asks for some two seconds only, and not where the server is gone
            request = file._call_s3
            file._call_s3 = lambda *args, **more: self._asked(lambda: request(*args, **more), given_up)
        behind = _Behind(file, given_up)
        try:
            yield behind  # type: ignore[misc]
            with self._sentences("write", name):
                behind.finish()
                file.close()
                file.commit()
        except BaseException:
            given_up.set()
            behind.abandon()
            with contextlib.suppress(Exception):
                file.discard()
            with contextlib.suppress(AttributeError):
                file.closed = True  # or fsspec would send what is left when it is collected
            if behind.error is not None:
                with self._sentences("write", name):
                    raise behind.error from None
            raise

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _patiently(self, verb: str, name: str, call: Callable[[], T]) -> T:
        with self._sentences(verb, name):
            return self._asked(call, threading.Event())

    def _asked(self, call: Callable[[], T], given_up: threading.Event) -> T:
        """Call, and call again while the server may come back, at longer and longer intervals."""
        failed, wait = None, FIRST_WAIT
        while True:
            try:
                return call()
            except Exception as error:
                failed = failed or time.monotonic()
                if _is_for_good(error) or time.monotonic() - failed + wait > self.patience or given_up.wait(wait):
                    raise
            wait *= 2

    @contextlib.contextmanager
    def _sentences(self, verb: str, name: str) -> Iterator[None]:
        try:
            yield
        except click.ClickException:
            raise
        except Exception as error:  # what fsspec's file systems raise has no common base
            whole = ". Files that were written before are whole" if verb == "write" else ""
            raise click.ClickException(f"cannot {verb} {self.place(name)}: {_line(error)}{whole}") from error


class _Behind:
    """A file that a thread of its own writes, so that whoever fills it does not wait for the network."""

    def __init__(self, file: Any, given_up: threading.Event) -> None:
        """What waits when ``given_up`` is set is dropped."""
        self.closed = False
        self.error: Exception | None = None
        self._file = file
        self._given_up = given_up
        self._buffer = bytearray()
        self._size = 0
        self._blocks: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._send, name="upload", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> int:
        """Raises what an earlier write ended with."""
        self._buffer += data
        self._size += len(data)
        if len(self._buffer) >= PIECE:
            self._put()
        return len(data)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Blocks go when they are full."""

    def close(self) -> None:
        """The sink closes it."""

    def finish(self) -> None:
        """Wait until all is written. Raises what a write ended with."""
        self._put()
        self.abandon()
        if self.error is not None:
            raise self.error

    def abandon(self) -> None:
        """Let the thread end."""
        self._blocks.put(None)
        self._thread.join()

    def _put(self) -> None:
        if self.error is not None:
            raise self.error
        self._blocks.put(bytes(self._buffer))
        self._buffer.clear()

    def _send(self) -> None:
        while (block := self._blocks.get()) is not None:
            if self.error is None and not self._given_up.is_set():
                try:
                    self._file.write(block)
                except Exception as error:  # raised where the next block is put
                    self.error = error


def _is_for_good(error: Exception) -> bool:
    if isinstance(error, (PermissionError, FileNotFoundError, NotImplementedError, ImportError, ValueError)):
        return True
    return any(one.__name__ in FOR_GOOD for one in type(error).__mro__)


def _line(error: BaseException) -> str:
    lines = NUMBER.sub("", str(error)).strip().splitlines()
    if len(lines) > 1 and lines[0].endswith(":"):
        return f"{lines[0]} {lines[1].strip()}".rstrip(".")
    return lines[0].rstrip(".") if lines else type(error).__name__


def _unheard(loop: object, context: object) -> None:
    """asyncio would print a traceback of each request that a dropped connection ended; who sent it raises the same."""
