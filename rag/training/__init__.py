"""Training of the span reader: from published questions to the small file that ships (`python -m rag.training.train`)."""
