"""What people said of answers: right, wrong, or "the answer is this sentence". Kept in one file beside the index, so that a
folder's own questions become its question set.

Only what was marked is kept, and what a deleted file said goes with the file (`deleted`).
"""

from rag.feedback.deleted import follow, remnants, sources
from rag.feedback.file import NAME, Kept, put, read, withdraw
from rag.feedback.marks import Mark, Quoted, Verdict, mark_id, mark_of
from rag.feedback.questions import Export, export

__all__ = [
    "NAME",
    "Export",
    "Kept",
    "Mark",
    "Quoted",
    "Verdict",
    "export",
    "follow",
    "mark_id",
    "mark_of",
    "put",
    "read",
    "remnants",
    "sources",
    "withdraw",
]
