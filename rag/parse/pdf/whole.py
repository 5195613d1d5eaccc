"""Whether a PDF is there to its end: pdfium repairs what it can and says nothing of what it could not."""

from __future__ import annotations

import re
import zlib

_MOST_UNPACKED = 256 << 20  # of the streams that are checked
_CHUNK = 1 << 20
_OBJECT = re.compile(rb"\d\s+\d+\s+obj\b")
_END = re.compile(rb"%%EOF|startxref\s+\d+\s*\Z")


def is_cut(data: bytes) -> bool:
    """Whether the file stops before its end, as a download that broke off does: objects after the last end mark."""
    end = -1
    for match in _END.finditer(data):
        end = match.end()
    return end < 0 or bool(_OBJECT.search(data, end))


def broken_streams(data: bytes) -> int:
    """How many compressed parts of the file do not unpack as they should: of text, fonts and forms, not of pictures."""
    if b"/Encrypt" in data:
        return 0  # what is encrypted cannot be checked from outside
    broken, left, at = 0, _MOST_UNPACKED, 0
    while left > 0 and (at := data.find(b"stream", at)) >= 0:
        told = data[max(0, data.rfind(b"obj", max(0, at - 2000), at)) : at]
        start = at + (8 if data[at + 6 : at + 8] == b"\r\n" else 7)
        end = data.find(b"endstream", at)
        if end < 0:
            break
        at = end + 9
        packed = re.search(rb"/Filter\s*\[?\s*/(?:FlateDecode|Fl)\b\s*\]?\s*(?![\s/]*/(?:[A-Z0-9]+Decode))", told)
        if packed and b"/Image" not in told and b"/DecodeParms" not in told:
            size = _unpacked(data, start, end, left)
            broken += size < 0
            left -= abs(size)
    return broken


def _unpacked(data: bytes, start: int, end: int, most: int) -> int:
    """Bytes that a stream unpacks to, -1 where it is damaged."""
    inflate = zlib.decompressobj()
    size, packed = 0, data[start:end]
    try:
        while packed and not inflate.eof and size < most:
            size += len(inflate.decompress(packed, _CHUNK))
            packed = inflate.unconsumed_tail
    except zlib.error:
        return -1
    return size if inflate.eof or size >= most else -1
