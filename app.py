"""The chat in the browser: `python app.py [FOLDER] [--port N] [--host ADDRESS]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Answers questions about a folder of documents by quoting them.")
    parser.add_argument("folder", nargs="?", help="the folder of documents (default: seeds)")
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default: 7860; 0: any free one)")
    options = parser.parse_args(argv)

    from rag.config import Settings
    from rag.errors import RagError
    from rag.text.terminal import one_line, ui_language
    from rag.web.serve import serve

    try:
        return serve(Settings.load(folder=options.folder, host=options.host, port=options.port))
    except RagError as error:
        print(f"app.py: {one_line(error.message(ui_language()))}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a background thread inside a native library would abort an ordinary shutdown
