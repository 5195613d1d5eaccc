"""Asks question sets, scores what came back, and reports it. Imports `rag`; `rag` never imports this.

Three steps joined by files in one folder, so that each can be done again alone:

    run     questions + material  -> predictions.jsonl   (`eval.run`)
    score   questions + predictions -> scored questions  (`eval.score`, formulas in `eval.metrics`, `eval.cmrc`)
    report  scored questions -> summary.md, summary.json, per_question.csv, a table  (`eval.report`)
"""
