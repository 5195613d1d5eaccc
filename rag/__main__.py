"""The command line: `python -m rag index | ask | explain | search | show | list | verify | prove-deleted |
rebuild | doctor`.

Exit code: 0 done, 1 a check found something wrong (`verify`, `prove-deleted`, `doctor`), 2 an error, told in one line on
stderr with the next step, 130 interrupted, 141 the reader of our output went away.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from rag.cli.parser import parse
from rag.cli.show import Screen
from rag.errors import RagError
from rag.text.terminal import one_line, ui_language


def main(argv: Sequence[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a Windows console or a bare C locale would garble Chinese
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    lang = ui_language()
    options = parse(argv, lang)
    screen = Screen(sys.stdout, lang, bool(options.json))
    try:
        # Libraries that print would spoil the one line that --json promises.
        with contextlib.redirect_stdout(sys.stderr):
            from rag.cli.commands import COMMANDS

            code = COMMANDS[options.command](options, screen)
        sys.stdout.flush()
        return code
    except RagError as error:
        return _fail(error.message(lang))
    except BrokenPipeError:
        # What the interpreter flushes at its end would raise again.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        if lang == "zh":
            return _fail(f"{what}；请检查权限和剩余空间，再运行 python -m rag doctor")
        return _fail(f"{what}; check permissions and free space, then run: python -m rag doctor")
    except KeyboardInterrupt:
        said = (
            "已中断；已完成的部分保留着，再次运行会接着做"
            if lang == "zh"
            else "interrupted; what is done is kept, run again to go on"
        )
        print(f"rag: {said}", file=sys.stderr)
        return 130


def _fail(message: str) -> int:
    print(f"rag: {one_line(message)}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
