"""How hits, answers and explanations look in a notebook, in a terminal and in pandas."""

from rag.notebook.answers import answer_frame, answer_html, answer_text
from rag.notebook.explanations import explanation_frame, explanation_html
from rag.notebook.hits import hits_frame, hits_html, hits_text
from rag.notebook.plot import hits_plot
from rag.notebook.ranks import rank_frame, rank_html, rank_text

__all__ = [
    "answer_frame",
    "answer_html",
    "answer_text",
    "explanation_frame",
    "explanation_html",
    "hits_frame",
    "hits_html",
    "hits_plot",
    "hits_text",
    "rank_frame",
    "rank_html",
    "rank_text",
]
