"""How far the shipped probabilities can be believed on any set, changing nothing: python -m eval.calibrate SET [SET …]

Sets are as in `eval.trials`. For each folder of texts: AUROC, log-loss, Brier score, expected calibration error, the
reliability table (mean predicted against observed in ten bins), and what the two lines do: how many of the answerable
questions are refused, how many of the others, and how many of the answers called sure or likely are right.

    python -m eval.calibrate eval/sets/article-test.jsonl=seeds eval/sets/mixed-test.jsonl=eval/sets/mixed/docs

Only questions that people wrote count by default; `--made` adds those made from them (see `eval.trials`). On a set that
took part in fitting the figures flatter: `python -m eval.fit … --dry` measures it as one that did not.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from eval import reliability
from eval.fit import ranked
from eval.reliability import Case
from eval.trials import corpus_of, look_at
from rag.config import READERS, Settings
from rag.reader.judge import judge, lines_of, weights
from rag.reader.lookup import look


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.calibrate", description=__doc__.split("\n")[0])
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--weights", default="", help="file of weights; those that the reader in use takes")
    parser.add_argument("--limit", type=int, default=100, help="questions taken from each published set")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="folder in which what was read is kept and taken from")
    parser.add_argument("--made", action="store_true", help="also questions made from those that people wrote")
    arguments = parser.parse_args(argv)
    settings = Settings.load()
    fitted = weights(str(Path(arguments.weights).resolve()) if arguments.weights else in_use(settings.reader))
    lines = lines_of(fitted, settings.refuse_below)
    rows: list[Case] = []
    for name in arguments.sets:
        for seen in look_at(name, arguments.limit, arguments.seed, arguments.keep):
            if arguments.made or seen.made == "asked":
                first = ranked(seen, fitted["sentence"])
                chance = judge(seen.asked, [finding for finding, _ in first], fitted["answer"])[0]
                rows.append(Case(chance, first[0][1], seen.answerable, 1.0, corpus_of(name), seen.made))
    weight = reliability.weigh([row.set for row in rows], [row.answerable for row in rows])
    cases = [
        Case(row.probability, row.right, row.answerable, float(w), row.set, row.made)
        for row, w in zip(rows, weight, strict=True)
    ]
    print(reliability.report(cases, lines))
    return 0


def in_use(reader: str) -> str:
    """The weights that a reader takes (see `rag.reader.open_reader`), with the trained model where it is `auto`."""
    fitted = look(reader).fitted if reader not in READERS else ""
    return fitted or ("weights.json" if reader == "rules" else "weights_span.json")


if __name__ == "__main__":
    raise SystemExit(main())
