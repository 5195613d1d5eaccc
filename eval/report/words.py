"""The words of the page in two languages. English is the key: what has no Chinese here is shown in English."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping

from eval.report.measures import label, meaning

ZH: Mapping[str, str] = {
    # the head, and what was run
    "Evaluation report": "评测报告", "questions": "题", "with an answer": "有答案", "without": "无答案", "errors": "出错",
    "answered": "已回答", "without a passage that holds half of the gold": "依据不落在任何段落", "Results": "结果", "What was run": "运行情况", "Ablation": "消融", "Refusal": "拒答",
    "Confidence": "置信度", "Speed and cost": "速度与成本", "Slices": "分组", "Questions": "逐题", "Answer": "答案",
    "Citations": "引用", "Retrieval, passages": "检索（段落）", "Retrieval, documents": "检索（文档）",
    "corpus": "材料", "model": "模型", "documents": "文档", "passages": "段落",
    "set": "题集", "seed": "随机种子", "limit": "题数上限", "settings": "设置", "versions": "版本",
    "index size": "索引大小", "per passage": "每段", "peak memory": "内存峰值", "memory at rest": "常驻内存", "indexing": "建索引",
    "asking all": "全部作答", "questions per second": "每秒题数", "all": "全部", "none": "无",
    # tables
    "measure": "指标", "value": "数值", "95 % interval": "95% 区间", "n": "题数", "what it says": "含义",
    "All measures of retrieval and the rest": "其余指标", "ranker": "排序器", "lexical": "词面",
    "dense": "向量", "fused": "融合", "read": "阅读", "Passages": "段落", "Documents": "文档", "stage": "阶段", "whole question": "整题",
    "search alone": "仅检索", "shown": "出示", "quotes shown": "出示的引文", "offsets valid": "位置可核对", "link opens there": "链接可打开",
    "type": "题型", "lang": "语言", "script": "文字", "length": "题长", "overlap": "与依据的重合", "same": "相同", "across": "跨文字",
    "threshold": "阈值", "latency, median": "延迟中位数", "Risk and coverage": "风险与覆盖率", "Reliability": "可靠性",
    "digest": "题目校验", "machine": "机器", "about": "范围", "format": "格式", "(others)": "（其他）", "short": "短", "medium": "中", "long": "长",
    "low": "低", "middle": "中", "high": "高", "has answer": "有答案", "no answer": "无答案", "as shown": "实际",
    "at the best threshold for EM": "EM 最佳阈值", "at the best threshold for F1": "F1 最佳阈值", "part": "部分",
    "confidence from": "置信度从", "to": "到", "mean confidence": "平均置信度", "observed right": "实际正确率",
    # what the reader is told
    "Each ranker alone; fused: what a search returns; read: the passages that answers are read from (sidebars among them). Best in bold.":
        "各排序器单独的结果；融合：检索函数给出的；阅读：作答时读的段落（含附栏）。粗体为最佳。",
    "Intervals: 95 %, bootstrap over groups of questions that hang together.": "区间：95%，按相互关联的题组自助抽样。",
    "A question that was refused although it has an answer scores 0 on its answer's measures.":
        "有答案却被拒答的题，答案指标按 0 计。",
    "More questions than a page can hold: those to mend come first here, per_question.csv has all.":
        "题目太多，一页放不下：先列要改的，全部见 per_question.csv。",
    "The darker a cell, the worse. Grey: fewer than 10 questions.": "颜色越深越差；灰字为不足 10 题。",
    "Answers only where confidence is at least the threshold; the share answered against the share of them that is wrong.":
        "只回答置信度不低于阈值的题：回答比例与其中答错的比例。",
    "Right answers among those of one confidence: on the diagonal, confidence is what it says.":
        "同一置信度的题中答对的比例：落在对角线上，置信度即如其言。",
    "Scores of SQuAD 2.0: a refusal is right where the set has no answer.": "SQuAD 2.0 计分：无答案的题，拒答即正确。",
    "Threshold: answered where 1 − confidence is at or below it.": "阈值：1 − 置信度不高于它时作答。",
    "Median and 95th percentile by stage, milliseconds.": "各阶段的中位数与 95 百分位，毫秒。",
    "area under the curve": "曲线下面积", "of the best order": "最佳次序", "expected calibration error": "期望校准误差",
    "Brier score": "Brier 分", "AUROC, right from wrong": "AUROC（区分对错）", "Table of the bins": "各区间数据",
    # speed and growth
    "Targets": "目标", "Growth": "规模", "what": "项目", "figure": "实测", "limit in the same run": "同次运行的下限",
    "ratio or beyond": "比值或超出", "target": "目标值", "met": "达到", "speed": "速度",
    "Each cost over the number of passages, which grows by factors: flat is what does not grow with the library.":
        "横轴为段落数（对数）；越平，说明越不随资料库变大而变慢。",
    "indexing / the raw encoder": "建索引 / 纯编码", "a question / query + reader": "一题 / 问题编码＋阅读",
    "retrieval, p95": "检索 95 百分位", "recall@10": "召回率@10", "memory beyond the models": "模型之外的内存",
    "open to the first answer": "打开到首个回答", "indexing: LangChain / ours": "建索引：LangChain / 本项目",
    "indexing: LlamaIndex / ours": "建索引：LlamaIndex / 本项目", "32 askers, errors": "32 人同时提问：出错",
    "32 askers, p95 / one question": "32 人同时提问：95 百分位 / 单题", "32 askers, throughput / one asker's": "32 人同时提问：吞吐 / 单人",
    "app.py: page / import gradio": "app.py：页面 / 仅导入 gradio",
    "app.py: first answer / the model alone": "app.py：首个回答 / 仅加载模型",
    "ms a passage, encoding left out": "每段毫秒（不含编码）", "question p50, ms": "一题中位数，毫秒", "retrieval p50, ms": "检索中位数，毫秒",
    "retrieval p95, ms": "检索 95 百分位，毫秒", "add a document, ms": "加一份文档，毫秒", "remove a document, ms": "删一份文档，毫秒",
    "sync, nothing new, ms": "无变化的同步，毫秒", "open to the first answer, s": "打开到首个回答，秒",
    "memory beyond the models, MB": "模型之外的内存，MB", "disk, MB": "磁盘，MB",
    # charts
    "observed": "系统", "best possible order": "最佳次序", "no skill": "无区分力", "coverage: share answered": "覆盖率：回答比例",
    "risk: share of them wrong": "风险：其中答错比例", "confidence": "置信度", "perfect": "理想", "milliseconds": "毫秒",
    "median": "中位数", "95th percentile": "95 百分位", "right": "答对", "understand": "理解", "search": "搜索",
    "compose": "组织", "retrieve": "检索",
    # browsing
    "Find": "查找", "text in question, answer or source": "题目、答案或来源中的文字", "Result": "结果", "Type": "题型", "Order": "顺序",
    "worst first": "先看最差", "as in the set": "题集顺序", "surest first": "先看最自信", "wrong": "答错", "refused wrongly": "误拒",
    "refused rightly": "正确拒答", "answered, none exists": "本无答案却作答", "error": "出错", "everything to mend": "所有待改进",
    "Previous": "上一页", "Next": "下一页", "page": "页", "of": "/", "expected": "标准答案", "before": "上文",
    "understood as": "理解为", "short answer": "短答案", "gold evidence": "标准依据", "first hits": "最前的检索结果", "relevant": "相关", "relevant documents": "相关文档",
    "first relevant at rank": "首个相关结果的排名", "measures": "指标", "cited": "引用", "nearest, shown as not answering": "最接近（已注明非答案）",
    "offsets do not reproduce the quote": "位置与引文不符", "refused": "拒答", "kind": "类别", "(no answer)": "（无答案）",
    "No question matches.": "没有符合的题。", "link does not open there": "链接打不开", "facts": "要点", "row": "行",
    "touches the gold evidence": "触及标准依据",
    "Browsing questions needs JavaScript; predictions.jsonl holds the same.": "逐题浏览需要 JavaScript；predictions.jsonl 有同样内容。",
    "The first 50 to mend": "待改进的前 50 题", "not found": "未找到",
    "Right: every needed fact is shown; without facts, a cited quote holds the answer; without answers, a hit among the first 10 is relevant.":
        "“答对”：所需要点全部出现；没写要点的题，引文含答案；没写标准答案的题，前 10 个结果中有相关内容。",
}  # fmt: skip

_SPAN = re.compile(r'<span data-t="([^"]*)">[^<]*</span>')
_HAN = re.compile(r"[\u3400-\u9fff]")


def t(english: str) -> str:
    """A word of the page as HTML, which `localised` and the page's own switch put into the reader's language."""
    key = html.escape(english)
    return f'<span data-t="{key}">{key}</span>'


def dictionary(names: Iterable[str]) -> dict[str, str]:
    """English -> Chinese for the words of the page and for what these measures are called and mean."""
    named = {say(name): say(name, "zh") for name in names for say in (label, meaning)}
    return {**named, **ZH}


def localised(page: str, words: Mapping[str, str]) -> str:
    """The page with every word of `t` in the language of `words`; one that is not there stays English."""

    def said(match: re.Match[str]) -> str:
        english = html.unescape(match[1])
        return f'<span data-t="{match[1]}">{html.escape(words.get(english, english))}</span>'

    return _SPAN.sub(said, page)


def language(texts: Iterable[str]) -> str:
    """ "zh" where most of the questions hold a Chinese character, else "en"."""
    held = [bool(_HAN.search(text)) for text in texts]
    return "zh" if sum(held) * 2 > len(held) else "en"
