"""Downloads that go on where they were cut, in the same run or in a later one."""

from pathlib import Path

import httpx2
from tqdm import tqdm

from .errors import UnavailableError
from .patience import TEMPORARY_STATUSES, Patience, TemporaryError, busy


class PartialFile:
    """The bytes so far of a file, and the ETag of what they are a part of."""

    def __init__(self, destination: Path) -> None:
        """Stand beside `destination`, as NAME.partial and NAME.etag."""
        self.path = destination.with_name(destination.name + ".partial")
        self._etag_path = destination.with_name(destination.name + ".etag")

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size if self.path.exists() else 0

    def range_headers(self) -> dict[str, str]:
        """Ask for the rest, and for the whole where the server's file is no longer the same (RFC 9110, If-Range)."""
        if self.size == 0 or not self._etag_path.exists():
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": self._etag_path.read_text()}

    def start_over(self, etag: str) -> None:
        """Forget the bytes so far. Only a strong ETag is kept: a weak one does not promise equal bytes."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")
        self._etag_path.unlink(missing_ok=True)
        if etag and not etag.startswith("W/"):
            self._etag_path.write_text(etag)

    def finish(self, destination: Path) -> None:
        """Give the complete file its name."""
        self.path.rename(destination)
        self._etag_path.unlink(missing_ok=True)


class Downloader:
    """Fetches files over HTTP; gives up after `attempts` in a row that brought no byte."""

    def __init__(self, attempts: int) -> None:
        """Keep connections open between files."""
        self.attempts = attempts
        self._client = httpx2.Client(follow_redirects=True, timeout=60, headers={"Accept-Encoding": "identity"})

    def fetch(self, url: str, destination: Path, headers: dict[str, str] | None = None) -> None:
        """Fetch `url` into `destination`, which appears when it is complete. Does nothing where it is there."""
        if destination.exists():
            return
        partial = PartialFile(destination)
        patience = Patience(self.attempts)
        while True:
            size_before = partial.size
            try:
                self._fetch_rest(url, partial, headers or {})
                break
            except (TemporaryError, httpx2.TransportError) as error:
                kept = f"; {partial.size:,} bytes are kept, run this again to resume" if partial.size else ""
                has_got_on = partial.size > size_before
                patience.wait_after(error, f"{url}: {describe(error)}{kept}", has_got_on=has_got_on)
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise UnavailableError(f"{url}: {describe(error)}") from error
        partial.finish(destination)

    def _fetch_rest(self, url: str, partial: PartialFile, headers: dict[str, str]) -> None:
        with self._client.stream("GET", url, headers={**headers, **partial.range_headers()}) as answer:
            if answer.status_code == 416 and answer.headers.get("Content-Range") == f"bytes */{partial.size}":
                return  # everything had come before the cut
            refuse_errors(answer, url)
            etag = answer.headers.get("ETag", "")
            if answer.status_code != 206:
                partial.start_over(etag)
            elif not answer.headers.get("Content-Range", "").startswith(f"bytes {partial.size}-"):
                partial.start_over("")
                raise TemporaryError("the server sent another part than was asked for")
            append(answer, partial, url.rsplit("/", 1)[-1])


def refuse_errors(answer: httpx2.Response, url: str) -> None:
    """Raise for an answer without the file."""
    status = f"{answer.status_code} {answer.reason_phrase}"
    if answer.status_code in TEMPORARY_STATUSES:
        raise busy(answer.status_code, answer.reason_phrase, answer.headers)
    if answer.status_code == 404:
        raise UnavailableError(f"{url}: the server has no such file ({status}); check the server's address")
    if answer.status_code not in (200, 206):
        raise UnavailableError(f"{url}: the server answered {status}")


def append(answer: httpx2.Response, partial: PartialFile, name: str) -> None:
    """Write an answer's body to the end of the partial file, with a progress bar on a terminal."""
    total = partial.size + int(answer.headers.get("Content-Length", 0)) or None
    with (
        partial.path.open("ab") as file,
        tqdm(desc=name, total=total, initial=partial.size, unit="B", unit_scale=True, disable=None) as bar,
    ):
        for chunk in answer.iter_bytes():
            file.write(chunk)
            bar.update(len(chunk))


def describe(error: Exception) -> str:
    """Say what happened, for errors without a text too."""
    return str(error) or type(error).__name__
