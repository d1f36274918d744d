"""The bytes of a file to text: decompressed and decoded, or recognised as something else, with what to do then."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from typing import IO, Any

from lstmstrat.errors import DataError
from lstmstrat.prices.findings import listed

MOST_BYTES = 256 * 2**20  # of the text: four million bars, forty years of minutes of a stock exchange

OPENERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
WORKBOOK = "a workbook; in the program that made it: File, Save As, CSV (UTF-8)"
NO_TEXT = {  # the first bytes of files that are no text, and what they are
    b"PAR1": "a Parquet file; write source: parquet",
    b"\xd0\xcf\x11\xe0": WORKBOOK,
    b"%PDF": "a PDF document; download the table as CSV",
    b"ARROW1": 'a Feather file; convert it: pandas.read_feather(path).to_parquet("prices.parquet")',
    b"\x89HDF": "an HDF file; convert it with pandas.read_hdf(path, key).to_csv('prices.csv')",
    b"SQLite format 3": "a database; write the table that you need to a CSV file",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
    b"Rar!": "a RAR archive; unpack it",
}
DOWNLOAD_AGAIN = "often the page of a login or of an error; download the table again, as CSV"


def read_text(data: bytes, title: str) -> str:
    """The text of a file from its bytes.

    Compressed files (gz, bz2, xz, a zip of one file) are recognised by their first bytes, whatever they are
    called. The text is UTF-8, UTF-16 or, if it is neither, Windows-1252.

    Raises
    ------
    DataError
        It is no text, or text that is no table: a workbook, Parquet, a web page, JSON, a pointer of Git LFS. The
        message says which, and what to do.
    """
    text = _decoded(_unpacked(data, title), title)
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # the line ends of Windows, and of an old Mac
    if reason := _no_table(text):
        raise DataError(f"{title}: not a table, but {reason}")
    return text


def _unpacked(data: bytes, title: str) -> bytes:
    for mark, opened in OPENERS.items():
        if data.startswith(mark):
            return _bounded(partial(opened, io.BytesIO(data)), title)
    return _of_zip(data, title) if data.startswith(b"PK\x03\x04") else data


def _bounded(opened: Callable[[], Any], title: str) -> bytes:
    """All that can be read, which must not be too much."""
    try:
        with opened() as file:
            data: bytes = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, ValueError) as error:
        raise DataError(
            f"{title}: cannot be unpacked ({error}); download it again, or unpack it yourself"
        ) from None
    if len(data) > MOST_BYTES:
        raise DataError(too_large(title))
    return data


def too_large(title: str) -> str:
    """The sentence on a file that is too large."""
    most = f"more than {MOST_BYTES // 2**20} MB of text"
    return f"{title}: {most}; keep the years that you need, or write it as Parquet"


def _of_zip(data: bytes, title: str) -> bytes:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise DataError(f"{title}: a zip archive that is broken ({error}); download it again") from None
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if any(name.startswith("xl/") for name in names) or "mimetype" in names:
        raise DataError(f"{title}: not a table, but {WORKBOOK}")
    names = [name for name in names if not re.search(r"(^|/)(__MACOSX/|\.)", name)]
    if len(names) != 1:
        raise DataError(f"{title}: a zip of {len(names)} files, expected one; unpack it: {listed(names)}")
    return _bounded(lambda: archive.open(names[0]), title)


def _decoded(data: bytes, title: str) -> str:
    for mark, what in NO_TEXT.items():
        if data.startswith(mark):
            raise DataError(f"{title}: not a text file, but {what}")
    encodings: tuple[str, ...] = ("utf-8-sig", "cp1252")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ("utf-16",)
    elif data[1:200:2].count(0) > 50 > data[:200:2].count(0):  # without its mark
        encodings = ("utf-16-le",)
    text = None
    for encoding in encodings:
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    if text is None or re.search(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text[:100_000]):
        raise DataError(f"{title}: not a text file; expected a CSV file, such as date,open,high,low,close,volume")
    return text


def _no_table(text: str) -> str:
    """What a text is that is no table of cells; '' if it may be one."""
    start = text[:2000].lstrip().lower()
    if not start:
        return "an empty file; download it again"
    if re.match(r"<(!doctype|html|head|\?xml|body|script|!--)", start):
        return f"a web page, {DOWNLOAD_AGAIN}"
    if re.match(r"[\[{]\s*([\[{\"\]}]|$)", start):
        return (
            'JSON; if it is a list of bars, convert it: pandas.read_json(path).to_csv("prices.csv", index=False)'
        )
    if start.startswith("version https://git-lfs"):
        return "the pointer that Git LFS leaves in its place; fetch the file itself: git lfs pull"
    return ""
