"""Whether the vector store answers, where it is another program: the one thing here that asks the network."""

from __future__ import annotations

from pathlib import Path

from rag.config import Settings
from rag.doctor.item import Item, bad, good
from rag.errors import RagError


def store(settings: Settings) -> list[Item]:
    """One item for a store of its own, none for the files of an index. Makes nothing."""
    scheme, _, address = settings.store.partition(":")
    if scheme != "milvus":
        return []
    from rag.stores.line import address_of
    from rag.stores.milvus import state_of

    try:
        place = address_of(address)
        if place.lite and not Path(place.uri).exists():
            return [good("store", f"{place.uri}: not made yet", f"{place.uri}：尚未建立")]
        version, count = state_of(address)
    except RagError as error:
        return [bad("store", error)]
    where = f"{place.uri}, {place.collection}"
    return [good("store", f"{where}: {version}, {count} vectors", f"{where}：{version}，{count} 个向量")]
