"""A file from the web, into memory, up to a size."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import click

from cganx import __version__

__all__ = ["fetched", "is_url"]

PIECE = 1 << 16
PATIENCE = 30.0  # seconds without a byte


def is_url(text: str) -> bool:
    """Whether it is written as a URL; ``C:\\model.onnx`` is a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


class _SameOrSafer(HTTPRedirectHandler):
    """Follows redirections, but not from https to what anybody on the way may change."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        if urlsplit(newurl).scheme != "https" and urlsplit(req.full_url).scheme == "https":
            raise HTTPError(newurl, code, "it leads from https to an address that is not", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetched(url: str, *, offline: bool, pinned: bool, most: int, shown: Callable[[int, int], object]) -> bytes:
    """What lies at a URL. ``shown`` is called with (bytes here, bytes in all or 0) as they come.

    pinned: whether the caller knows the hash; without it http is refused, for anybody on the way may change what comes.
    Raises click.UsageError for an address that is not fetched, click.ClickException for what does not arrive whole.
    """
    scheme = urlsplit(url).scheme.lower()
    if scheme not in ("http", "https"):
        raise click.UsageError(f"{scheme}:// is not fetched, only https:// and http://; fetch it yourself and add the file")
    if scheme == "http" and not pinned:
        raise click.UsageError("what comes over http:// can be changed on its way: take https://, or give --sha256")
    if offline:
        raise click.ClickException(f"{url} is not fetched: --offline or CGANX_OFFLINE says so. Add a file instead")
    try:
        request = Request(url, headers={"User-Agent": f"cganx/{__version__}"})  # noqa: S310 its scheme is looked at above
        with build_opener(_SameOrSafer).open(request, timeout=PATIENCE) as answer:
            return _read(url, answer, most, shown)
    except HTTPError as error:
        error.close()
        raise click.ClickException(f"{url}: the server answers {error.code} {error.reason}; nothing was added") from None
    except (OSError, HTTPException, ValueError) as error:
        said = getattr(error, "reason", None) or error
        raise click.ClickException(f"{url} cannot be fetched: {said}; nothing was added") from None


def _read(url: str, answer: Any, most: int, shown: Callable[[int, int], object]) -> bytes:
    length = answer.headers.get("Content-Length") or ""
    total = int(length) if length.isascii() and length.isdecimal() else 0
    data = bytearray()
    while total <= most and len(data) <= most and (piece := answer.read(PIECE)):
        data += piece
        shown(len(data), total)
    if max(total, len(data)) > most:
        raise click.ClickException(f"{url} is larger than {most >> 20} MiB, as no generator may be; nothing was added")
    if total and len(data) != total:
        raise click.ClickException(f"{url} broke off after {len(data):,} of {total:,} bytes; nothing was added")
    return bytes(data)
