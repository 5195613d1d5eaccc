"""Every phrase of the interface, in both languages. Phrases inside an answer are the engine's, not ours."""

from __future__ import annotations

from typing import Literal

Ui = Literal["zh", "en"]

_TEXT: dict[str, tuple[str, str]] = {
    "brand": ("据典", "Judian"),
    "tagline": ("只引原文作答，句句可查", "Every sentence of an answer is quoted from your documents"),
    "ask_here": ("问问这些材料……", "Ask these documents…"),
    "question": ("问题", "Question"),
    "switch": ("EN", "中"),
    "new_chat": ("新对话", "New chat"),
    "docs": ("{n} 篇", "{n} document{s}"),
    "passages": ("{n} 段", "{n} passage{s}"),
    "failed": ("{n} 个文件未能读取", "{n} file{s} not read"),
    "library": ("材料", "Documents"),
    "library_hint": ("查看全部材料", "See all documents"),
    "all_files": ("{n} 个文件", "{n} file{s}"),
    "state_ready": ("就绪", "ready"),
    "state_partly": ("部分", "partly read"),
    "state_waiting": ("待编入", "waiting"),
    "state_failed": ("失败", "failed"),
    "state_skipped": ("跳过", "skipped"),
    "more_files": ("再列出 {n} 个", "Show {n} more"),
    "many_files": ("还有 {n} 个文件未列出，请按名称查找", "{n} more file{s}: find them by name"),
    "find_file": ("按名称查找，回车", "Find by name, press Enter"),
    "found_files": ("找到 {n} 个文件", "{n} file{s} found"),
    "no_files": ("文件夹是空的。", "The folder is empty."),
    "add": ("添加文件", "Add files"),
    "add_hint": ("可添加 PDF、Word、PowerPoint、Excel、网页、文本等，每个最大 {mb} MB",
                 "PDF, Word, PowerPoint, Excel, web pages, text …; at most {mb} MB each"),
    "put_ask": ("将加入文件夹“{folder}”：", "These go into the folder “{folder}”:"),
    "put_do": ("加入", "Add"),
    "cancel": ("取消", "Cancel"),
    "put_done": ("已加入 {name}", "Added {name}"),
    "remove": ("移除", "Remove"),
    "remove_named": ("移除 {name}", "Remove {name}"),
    "remove_ask": ("从文件夹删除 {name}？", "Delete {name} from the folder?"),
    "remove_note": ("文件会被删除，无法恢复。", "The file is deleted and cannot be recovered."),
    "remove_do": ("删除", "Delete"),
    "removed": ("已删除 {name}", "Deleted {name}"),
    "not_here": ("只有在本机打开的页面才能增删文件。请用 127.0.0.1 打开本页，或自行更改文件夹。",
                 "Files can be added and removed only on a page opened on this machine; open it at 127.0.0.1, or change "
                 "the folder yourself."),
    "gone_offer": ("没有待加入或待删除的文件；请重新选择。", "Nothing is waiting to be added or deleted; choose again."),
    "characters": ("{n} 字", "{n} characters"),
    "try_these": ("可以这样问", "Try asking"),
    "try": ("试试", "Try"),
    "ready_soon": ("材料正在准备，可以先输入问题，准备好后立即回答。", "The documents are being prepared. You can ask now: "
                   "the answer comes as soon as they are ready."),
    "ready": ("可以提问了", "ready"),
    "starting": ("正在启动……", "Starting…"),
    "detail_loading": ("正在载入", "loading"),
    "detail_waiting": ("另一个程序正在准备它", "another program is preparing it"),
    "stage_search": ("正在检索……", "Searching…"),
    "stage_changed": ("文件夹有变化，正在读取……", "The folder changed; reading it…"),
    "stage_wait": ("材料还在准备，准备好后立即回答。", "The documents are still being prepared; the answer follows as "
                   "soon as they are ready."),
    "ready_partly": ("已就绪的文件现在就可以提问。", "What is ready can be asked about now."),
    "partial": ("仍在编入 {files}，这个答案只来自已就绪的 {documents}。",
                "Still reading {files}; this answer comes only from the {documents} ready so far."),
    "too_many": ("现在有 {n} 个问题在排队，一时轮不到这一个。请过一会儿再问；问题还在，不用重新输入。",
                 "{n} questions are waiting, too many to take one more. Please ask again in a moment; nothing is lost."),
    "ahead": ("前面还有 {n} 个问题……", "{n} question{s} ahead of yours…"),
    "n_files": ("{n} 个文件", "{n} file{s}"),
    "n_documents": ("{n} 篇", "{n} document{s}"),
    "stopped": ("已停止。", "Stopped."),
    "failed_start": ("未能打开材料", "The documents could not be opened"),
    "unexpected": ("出了意外的错误（{name}），详情见运行本程序的终端。可以重试。",
                   "Something unexpected went wrong ({name}); the terminal that runs this program has the details. "
                   "You can try again."),
    "understood": ("理解为", "Understood as"),
    "edit": ("改写这个问题", "Edit this question"),
    "why": ("为什么是这句", "Why this sentence"),
    "why_not": ("看过哪些句子", "What was considered"),
    "why_note": ("检索到的候选句，按得分从高到低；标 ● 的入选。", "Candidate sentences, best first; ● was chosen."),
    "rank": ("名次", "Rank"),
    "sentence": ("句子", "Sentence"),
    "score": ("得分", "Score"),
    "ranks": ("检索名次", "Search ranks"),
    "ranker_dense": ("语义", "meaning"),
    "ranker_lexical": ("字词", "words"),
    "open_source": ("查看原文", "Open the source"),
    "copy": ("复制", "Copy"),
    "copied": ("已复制", "Copied"),
    "retry": ("重试", "Retry"),
    "right": ("对", "Right"),
    "wrong": ("不对", "Wrong"),
    "right_hint": ("这个答案是对的", "This answer is right"),
    "wrong_hint": ("这个答案不对", "This answer is wrong"),
    "right_hint_none": ("材料里确实没有答案", "The documents indeed do not answer this"),
    "wrong_hint_none": ("材料里有答案，没找到", "The documents do answer this: it was not found"),
    "again_hint": ("再点一次即撤回", "Click again to take it back"),
    "this": ("答案是这句", "This is the answer"),
    "this_hint": ("这一句才是答案", "The answer is this sentence"),
    "this_picked": ("答案是选中的部分", "The answer is what I selected"),
    "kept": ("已记在本机，谢谢", "Kept on this machine, thank you"),
    "kept_wrong": ("已记在本机，可在下面指出答案", "Kept on this machine; you can point out the answer below"),
    "kept_hint": ("问题、所引原句和您的判断写在 {path}。再点一次即撤回；删除原文件时一并删除。",
                  "The question, the quotes shown and your verdict are in {path}. Click again to take them back; they go "
                  "when the file they quote is deleted."),
    "kept_this": ("已记为答案", "Kept as the answer"),
    "mark_gone": ("答案所引的原文已改动或移走，请重新提问后再评。", "The text behind this answer was changed or removed; "
                  "ask again, then say so."),
    "mark_lost": ("没有认出选中的文字，请在一段之内重新选择。", "The selected text was not recognised; select again, within one "
                  "paragraph."),
    "mark_old": ("这个答案已不在对话里，请重新提问。", "This answer is no longer in the chat; ask again."),
    "mark_not_here": ("只有在本机打开的页面才记录反馈。请用 127.0.0.1 打开本页。",
                      "Feedback is kept only on a page opened on this machine; open it at 127.0.0.1."),
    "marks": ("反馈 {n} 条", "{n} answer{s} marked"),
    "marks_open": ("{n} 条不对的还没指出答案", "{n} wrong, the right one not pointed out yet"),
    "marks_stale": ("{n} 条所引的原文已改动", "{n} whose text has changed"),
    "marks_export": ("导出为题集", "Export as questions"),
    "marks_command": ("导出：{command}", "Export: {command}"),
    "not_found": ("材料中没有找到答案。", "The documents do not answer this."),
    "nearest": ("最接近的段落（并未回答这个问题）", "Nearest passages (they do not answer the question)"),
    "missing": ("材料中没有出现", "Found nowhere in the documents"),
    "source": ("来源", "Source"),
    "close": ("关闭（Esc）", "Close (Esc)"),
    "verified": ("原文已核对 ✓", "Checked against the source ✓"),
    "unverified": ("与原文不符，请勿采用", "Does not match the source: do not rely on it"),
    "near_note": ("此处最接近，但并未回答问题", "Nearest passage; it does not answer the question"),
    "cand_note": ("候选句", "Candidate sentence"),
    "permalink": ("复制此处链接", "Copy link to this place"),
    "place_moved": ("文件已更新，这句话仍在，位置已重新找到。", "The file changed; the sentence is still there and was "
                    "found again."),
    "place_changed": ("原文已改动，链接所指的句子已不在文中。", "The text changed: the sentence this link points to is no "
                      "longer there."),
    "place_gone": ("链接所指的文件已不在材料中。", "The file this link points to is no longer among the documents."),
    "place_old": ("文件已更新或移走，这个链接已失效。", "The file was changed or removed: this link leads nowhere now."),
    "cut": ("全文较长，此处只显示引文前后的部分。", "This is a long document; only the part around the quote is shown."),
    "original": ("原始链接", "Original link"),
    "role_title": ("标题", "Title"),
    "role_heading": ("小标题", "Heading"),
    "role_body": ("正文", "Body text"),
    "role_byline": ("署名信息", "Byline"),
    "role_date": ("日期信息", "Dateline"),
    "role_related": ("侧栏 · 非正文", "Sidebar, not body text"),
    "role_notice": ("网站声明 · 非正文", "Site notice, not body text"),
    "role_comment": ("评论区 · 非正文", "Comments, not body text"),
    "role_counter": ("计数信息 · 非正文", "Counter, not body text"),
    "role_nav": ("导航 · 非正文", "Navigation, not body text"),
    "q_empty": ("请先输入问题。", "Please type a question first."),
    "q_long": ("问题太长了：{n} 字，最多 {max} 字。请只留下要问的部分。",
               "The question is too long: {n} characters, at most {max}. Please keep only what you want to ask."),
    "not_ready": ("材料还在准备：{what}。请稍后再试。", "The documents are still being prepared: {what}. Please try "
                  "again in a moment."),
}  # fmt: skip


def say(key: str, ui: str, **values: object) -> str:
    """The phrase `key` in the interface language `ui` ("zh" or anything else for English). `n` also sets the plural `s`.

    Raises KeyError for a phrase that does not exist.
    """
    text = _TEXT[key][0 if ui == "zh" else 1]
    if "n" in values:
        values.setdefault("s", "" if values["n"] == 1 else "s")
    return text.format(**values) if values else text


def ui_language(accept: str) -> Ui:
    """Interface language for a browser's language list ("zh-CN,zh;q=0.9,en;q=0.8"): Chinese where it comes first."""
    return "zh" if accept.strip().lower().startswith("zh") else "en"
