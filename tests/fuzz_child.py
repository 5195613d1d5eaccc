"""The child of the fuzzer: reads one case after the other as `rag.intake.child` does, and holds what comes out against
everything that a reader of files promises. A case that hangs or crashes takes this process with it, and no more."""

from __future__ import annotations

import contextlib
import faulthandler
import hashlib
import json
import os
import re
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from rag.chunk import chunk
from rag.errors import ParseError
from rag.furniture import label
from rag.intake.wire import frame_of, read_from, receive, send
from rag.parse import identity, parse_bytes
from rag.types import Document, Parsed, Passage

ROOT = Path(__file__).resolve().parent.parent
DEPTH = 3000  # as in rag.intake.child
OUTSIDE = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.remove", "os.rename",
           "os.mkdir", "os.rmdir", "os.truncate", "os.chmod", "os.link", "os.symlink", "shutil.", "urllib.", "ftplib.",
           "webbrowser.", "smtplib.", "http.client.", "tempfile.")  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC

WARM = ROOT / "tests/data/formats/web_blog_en.html"


class Watch:
    """An audit hook: while it is on, whatever goes outside the process is noted and refused."""

    def __init__(self) -> None:
        self.on = False
        self.reached: list[str] = []

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if self.on and (event.startswith(OUTSIDE) or (event == "open" and _writes(args))):
            self.reached.append(f"{event} {str(args[:1])[:80]}")
            raise PermissionError(f"{event} by a parser")


def serve(seconds: float, memory_mb: int) -> None:
    """Answers the cases on standard input on standard output, each within the limits."""
    asked, answers, told = (os.fdopen(os.dup(number), mode) for number, mode in ((0, "rb"), (1, "wb"), (2, "w")))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    sys.setrecursionlimit(DEPTH)
    limit_memory(memory_mb << 20)
    faulthandler.enable(told)
    watch = Watch()
    sys.addaudithook(watch)
    parse_bytes(WARM.read_bytes(), WARM.name)  # urllib3 asks for a socket when it is loaded, to learn of IPv6
    while (request := receive(asked)) is not None:
        size = int.from_bytes(request[:4], "little")
        case = json.loads(request[4 : 4 + size])
        faulthandler.dump_traceback_later(seconds, file=told)  # says where a slow case is, and lets it go on
        watch.on = True
        answer = examined(request[4 + size :], case["name"], twice=case["twice"])
        watch.on = False
        faulthandler.cancel_dump_traceback_later()
        if watch.reached:
            answer |= {"end": "fault", "said": f"reached outside: {watch.reached[0]}"}
            watch.reached.clear()
        send(answers, json.dumps(answer).encode())


def _writes(args: tuple[Any, ...]) -> bool:
    path, _, flags = args
    return path != os.devnull and isinstance(flags, int) and bool(flags & WRITING)


def limit_memory(size: int) -> None:
    """Where the system knows such a limit, as in rag.intake.child."""
    if sys.platform != "win32":
        import resource

        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (size, resource.getrlimit(resource.RLIMIT_AS)[1]))


def examined(data: bytes, name: str, *, twice: bool = False) -> dict[str, Any]:
    """{end: "read" | "refused" | "fault", …} with processor seconds, a digest of what came out, and what is wrong."""
    began = time.process_time()
    end, said, where = "read", "", ""
    digest = ""
    try:
        digest = _read(data, name)
        if twice and _read(data, name) != digest:
            end, said = "fault", "the same bytes gave another result"
    except ParseError as error:
        wrong = refusal_faults(error, name)
        end, said = ("fault", wrong) if wrong else ("refused", error.en)
        digest = hashlib.sha256(f"{error.en}\n{error.zh}".encode("utf-8", "surrogatepass")).hexdigest()
    except BaseException as error:
        end, said, where = "fault", f"{type(error).__name__}: {str(error)[:200]}", _where(error)
    return {"end": end, "said": said, "where": where, "digest": digest, "seconds": time.process_time() - began}


def _where(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/rag/" in f.filename.replace("\\", "/")]
    return " < ".join(f"{Path(f.filename).relative_to(ROOT).as_posix()}:{f.lineno}" for f in reversed(frames[-4:]))


def _read(data: bytes, name: str) -> str:
    """What `rag.intake.child.read` makes of the bytes, examined; its digest."""
    sha = hashlib.sha256(data).hexdigest()
    parsed = parse_bytes(data, name)
    check_parsed(parsed)
    document = label(parsed, doc_id=identity(sha, name), source=f"folder/{name}")
    check_document(document, parsed)
    passages = chunk(document, chars=300)
    check_passages(passages, document)
    frame = frame_of(document, passages, sha, parsed.notices)
    back = read_from(frame, document.source)
    assert back.document == document, "the document is another one after the pipe"
    assert list(back.passages) == passages, "the passages are others after the pipe"
    return hashlib.sha256(frame).hexdigest()


def refusal_faults(error: ParseError, name: str) -> str:
    """What is wrong with a refusal: both languages, the file's name and a next step are what people are owed."""
    for message, step, what in ((error.en, "; ", "English"), (error.zh, "；", "Chinese")):
        if name not in message:
            return f"the {what} message does not name the file: {message[:200]}"
        if not message.rpartition(step)[0] or len(message.rpartition(step)[2].strip()) < 4:
            return f"the {what} message has no next step: {message[:200]}"
        if len(message) > 1000:
            return f"the {what} message has {len(message)} characters"
        if not message.isprintable():
            return f"the {what} message holds characters that cannot be shown: {message[:200]!r}"
    return "" if re.search(r"[\u4e00-\u9fff]", error.zh) else f"no Chinese message: {error.zh[:200]}"


def check_parsed(parsed: Parsed) -> None:
    text, at = parsed.text, 0
    assert parsed.kind, "no kind"
    text.encode()  # lone surrogates cannot be written to a page or a database
    assert parsed.pages is None or parsed.pages > 0, f"{parsed.pages} pages"
    for block in parsed.blocks:
        assert at <= block.start < block.end <= len(text), f"block {block.start}..{block.end} after {at}"
        said = text[block.start : block.end]
        assert said == said.strip(), f"a block that is not trimmed: {said[:40]!r}"
        assert block.page is None or 1 <= block.page <= (parsed.pages or block.page), f"page {block.page}"
        assert block.row is None or block.row >= 1, f"row {block.row}"
        assert block.level >= 0, f"level {block.level}"
        at = block.end
    _check_meta(parsed.meta, text)
    for notice in parsed.notices:
        assert notice.en and notice.zh, "a notice in one language"


def _check_meta(meta: Any, text: str) -> None:
    for key, span in meta.items():
        assert isinstance(key, str) and key and 0 <= span.start < span.end <= len(text), f"meta {key} {span}"


def check_document(document: Document, parsed: Parsed) -> None:
    text, at = document.text, 0
    assert text == parsed.text, "the text is another one"
    assert (document.title, document.kind, document.pages) and document.title.strip(), "no title"
    for section in document.sections:
        assert at <= section.start < section.end <= len(text), f"section {section.start}..{section.end} after {at}"
        at = section.end
        "".join((*section.path, *section.columns)).encode()
    starts = iter(document.sections)
    section = next(starts, None)
    for block in parsed.blocks:
        while section is not None and section.end <= block.start:
            section = next(starts, None)
        assert section is not None and section.start <= block.start and block.end <= section.end, (
            "a block in no section"
        )
    _check_meta(document.meta, text)


def check_passages(passages: list[Passage], document: Document) -> None:
    at = 0
    for passage in passages:
        assert passage.text == document.text[passage.start : passage.end], "a passage that is not its slice"
        assert at <= passage.start < passage.end, f"passage {passage.start}..{passage.end} after {at}"
        assert passage.text == passage.text.strip(), f"a passage that is not trimmed: {passage.text[:40]!r}"
        assert len(passage.text) <= 4000, f"a passage of {len(passage.text)} characters"
        at = passage.end
        passage.context.encode()
    assert len({passage.id for passage in passages}) == len(passages), "two passages of one id"


if __name__ == "__main__":
    serve(float(sys.argv[1]), int(sys.argv[2]))
