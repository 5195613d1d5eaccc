"""Asks question sets, scores what came back, reports it, compares. Imports `rag`; `rag` never imports this.

    run     questions + material -> predictions, gold, timings   (`eval.run`, `eval.gold`; the only step with a model)
    score   these files -> the measures of each question          (`eval.score`), and every figure (`eval.summary`)
    report  these -> a page, a summary, a table                   (`eval.report`)

The steps are joined by files in one folder (`eval.records` tells them, `eval.steps` takes them), so that each can be done again
alone. Formulas, a source each: `eval.metrics` and `eval.retrieval`, `eval.answers` with `eval.cmrc` and `eval.reading_squad`,
`eval.citing`, `eval.risk`, `eval.stats`. Question sets come in by `eval.formats` and are checked by `eval.check`; runs go out by
`eval.export` and are set side by side by `eval.compare`; `eval.gate` judges, `eval.peers` asks other frameworks the same.
`eval.fit`, `eval.calibrate`, `eval.reading` fit and measure the reader, `eval.speed` and `eval.load` time everything.
"""
