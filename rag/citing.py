"""From findings to citations: the words that are quoted are proved to be their document's before they leave."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from rag import compose
from rag.errors import VerificationError
from rag.library import Library
from rag.types import Citation, Document, Finding, Passage

DocumentOf = Callable[[str], Document]


def cited(library: Library, document_of: DocumentOf, findings: Sequence[Finding]) -> tuple[Citation, ...]:
    """The citations of some findings, numbered from 1.

    A passage of the library is proved by the digest that was stored with it, which costs the same however long its document
    is; what was read off a document as a whole by that document, which is read and proved whole.
    Raises VerificationError where the words are not the document's, UnknownDocumentError where it is gone."""
    places = library.places([finding.passage for finding in findings])
    return tuple(
        compose.cite(finding, number, *(places.get(finding.passage.id) or _place(finding, document_of)))
        for number, finding in enumerate(findings, 1)
    )


def sources_of(library: Library, passages: Collection[Passage], document_of: DocumentOf) -> Callable[[str], str]:
    """The source of each of these passages' documents, by its id. Raises UnknownDocumentError where it is gone."""
    known = {info.id: info.source for info in library.documents({passage.doc_id for passage in passages})}
    return lambda doc_id: known[doc_id] if doc_id in known else document_of(doc_id).source


def _place(finding: Finding, document_of: DocumentOf) -> tuple[str, str]:
    """Title and source of the document that a finding stands in."""
    document = document_of(finding.passage.doc_id)
    if document.text[finding.start : finding.end] != finding.quote:
        raise VerificationError(
            f"{document.source}: the passage at {finding.start} is not what its document says; run: python -m rag rebuild",
            f"{document.source}：{finding.start} 处的片段与原文不符；请运行：python -m rag rebuild",
        )
    return document.title, document.source
