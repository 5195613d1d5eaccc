"""Retrievers for other people's pipelines, one file a framework, each with an extra of its own.

    from rag.adapters.langchain import JudianRetriever      # pip install -e '.[langchain]'
    from rag.adapters.llamaindex import JudianRetriever     # pip install -e '.[llamaindex]'
    from rag.adapters.haystack import JudianRetriever       # pip install -e '.[haystack]'

Importing this package loads none of them. What they hand on is a passage as it stands in its document, with where it
stands: `assistant.document(doc_id).text[start:end]` is the text, always.
"""
