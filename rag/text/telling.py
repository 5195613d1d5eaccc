"""True progress in one line, the same on the page and in the terminal: what is done, of how much, how fast, how long."""

from __future__ import annotations

from collections.abc import Iterable

from rag.types import Progress


def progress_line(stages: Iterable[Progress], lang: str) -> str:
    """The newest word of each stage as one line; "" where nothing has been said.

    >>> progress_line([Progress("files", 12, 240), Progress("passages", 830, 2100, "", 41.2, 70)], "en")
    'reading files 12/240 · indexing passages 830/2100 · 41 passages/s · about 1 min 10 s left'
    """
    zh = lang.startswith("zh")
    said = {progress.stage: progress for progress in stages}
    told: list[str] = []
    if len(said) == 1 and (model := said.get("model")):
        told.append(("准备语言模型" if zh else "preparing the language model") + _share(model))
    if (files := said.get("files")) and files.total:
        told.append(("读取文件" if zh else "reading files") + _share(files))
    if passages := said.get("passages"):
        told.append(f"编入{_share(passages)} 段" if zh else f"indexing passages{_share(passages)}")
        if passages.rate is not None:
            told.append(f"{_rate(passages.rate)} 段/秒" if zh else f"{_rate(passages.rate)} passages/s")
        if passages.left is not None and passages.left >= 1:
            told.append(
                f"约还需 {duration(passages.left, lang)}" if zh else f"about {duration(passages.left, lang)} left"
            )
    return " · ".join(told)


def duration(seconds: float, lang: str) -> str:
    """A time to wait, in the two largest units, rounded up to what anybody would count in.

    >>> duration(70, "zh"), duration(3.2, "en"), duration(7300, "en")
    ('1 分 10 秒', '4 s', '2 h 2 min')
    """
    whole = int(-(-seconds // 1)) if seconds < 60 else int(-(-seconds // 5) * 5)
    h, rest = divmod(whole, 3600)
    m, s = divmod(rest, 60)
    if h:
        m += s > 0
        told = ((h, "小时", "h"), (m, "分", "min"))
    else:
        told = ((m, "分", "min"), (s, "秒", "s"))
    shown = [(n, zh, en) for n, zh, en in told if n] or [(0, "秒", "s")]
    return " ".join(f"{n} {zh if lang.startswith('zh') else en}" for n, zh, en in shown)


def _share(progress: Progress) -> str:
    return f" {progress.done}/{progress.total}" if progress.total > 1 else ""


def _rate(rate: float) -> str:
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"
