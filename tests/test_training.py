"""Training of the span reader: examples, variants, and a whole run in miniature."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import DataError
from rag.training import data
from rag.training.attributes import attribute_example, stated_example
from rag.training.augment import augment, colloquial, homophones_of, keywords, other_script, reworded, slip
from rag.training.data import Asked, Example, Maker, holds, training_material, window_of, windows
from rag.training.monitor import auroc, cases, exact_match, f1, measure, segments
from rag.training.swaps import swap, transplant

TOWNS = "青石 白沙 红叶 黄桥 紫云 蓝田 绿洲 黑水 金湾 银滩 玉门 石桥".split()


def article(i: int) -> str:
    year, people = 1901 + 7 * i, 12 + 3 * i
    name = TOWNS[i]
    return (
        f"{name}镇建于{year}年。{name}镇的居民约有{people}万人，多数种植茶叶。镇上的图书馆由李明{i}创办，每天开放。"
        f"每年秋天，{name}镇举办第{i + 1}届灯会，游客来自各地。镇的北面是一座小山，山上有一座古塔。"
    ) * 2


def write_set(folder: Path, ids: list[str], english: bool = False) -> None:
    folder.mkdir(parents=True)
    corpus, queries = [], []
    for i, key in enumerate(ids):
        text = article(i)
        corpus.append({"_id": key, "title": f"{TOWNS[i]}镇", "text": text})
        for n, (asked, answer) in enumerate(
            [(f"{TOWNS[i]}镇建于哪一年？", f"{1901 + 7 * i}年"), (f"{TOWNS[i]}镇有多少居民？", f"{12 + 3 * i}万人")]
        ):
            if english:
                asked = asked.replace("建于哪一年", " was built in which year")
            queries.append(
                {"_id": f"q{i}-{n}", "text": asked, "answers": [answer], "answerable": True, "context_id": key,
                 "answer_starts": [text.index(answer)], "title": f"{TOWNS[i]}镇"}
            )  # fmt: skip
    for name, rows in (("corpus", corpus), ("queries", queries)):
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / f"{name}.jsonl").write_text(lines + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sets")
    write_set(root / "cmrc2018-train", [f"TRAIN_{i}" for i in range(8)])
    write_set(root / "drcd-train-part", [f"{i}-1" for i in range(4)])
    write_set(root / "cmrc2018-trial", [f"TRIAL_{i}" for i in range(6)])
    for name in ("xquad-zh", "xquad-en"):
        write_set(root / name, ["0-0", "23-1", "24-0", "47-2"], name == "xquad-en")
    return root


def test_articles_kept_for_the_report_are_never_read(folders: Path) -> None:
    material = training_material(folders)
    assert {key for key in material.articles if key.startswith("xquad")} == {
        f"xquad-{lang}/{key}" for lang in ("zh", "en") for key in ("0-0", "23-1")
    }
    assert not any("trial" in key for key in material.articles)


def test_both_languages_ask_of_both_passages(folders: Path) -> None:
    asked = [q for q in training_material(folders).questions if q.article == "xquad-zh/0-0"]
    assert sorted(q.text for q in asked) == sorted(
        ["青石镇建于哪一年？", "青石镇有多少居民？"] + 2 * ["青石镇 was built in which year？", "青石镇有多少居民？"]
    )


def test_a_malformed_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "1", "title": "", "text": ""}\n{"_id"', encoding="utf-8")
    with pytest.raises(DataError, match=r"corpus\.jsonl:2"):
        data.read_folder(tmp_path)


def test_rounds_are_made_by_seed_and_number(folders: Path) -> None:
    material = training_material(folders)
    first = Maker(material, 1).round(3, 80)
    assert Maker(material, 1).round(3, 80) == first
    assert Maker(material, 2).round(3, 80) != first


def test_answers_stand_where_they_are_said_to_and_negatives_hold_none(folders: Path) -> None:
    material = training_material(folders)
    maker, rng = Maker(material, 5), random.Random(0)
    answers = {a for question in material.questions for a in question.answers}
    kinds = set()
    for question in material.questions:
        for kind in data.MIX:
            made = maker.make(kind, question, rng)
            if made is None:
                continue
            kinds.add(kind)
            if kind == "answer":
                assert made.text[made.start : made.end] == question.answers[0]
            elif kind == "stated":
                assert made.text[made.start : made.end] in answers | {f"李明{i}" for i in range(9)}
            else:
                assert (made.start, made.end) == (-1, -1)
            if kind in {"same", "near"}:
                assert not holds(made.text, question.answers)
    assert {"answer", "near", "swap", "attribute", "stated"} <= kinds


def test_two_in_five_of_a_round_have_no_answer(folders: Path) -> None:
    material = training_material(folders)
    made = Maker(material, 0).round(0, 600)
    expected = sum(share for kind, share in data.MIX.items() if kind not in {"answer", "stated"})
    never = {"swap", "transplant", "same"} - {
        example.kind for example in made
    }  # such small articles lend themselves to few
    assert expected == pytest.approx(0.42)
    assert abs(sum(e.start < 0 for e in made) / 600 - expected) < 0.05 + sum(data.MIX[kind] for kind in never)


def test_one_article_in_24_is_kept_to_measure_on() -> None:
    kept = sum(data.kept_out(f"TRAIN_{i}") for i in range(2400))
    assert 60 < kept < 140


def test_a_window_that_cuts_the_answer_is_not_used() -> None:
    cut = windows(data.Article("a", "题", article(0), "g"), 110)
    assert len(cut) > 1
    end = cut[0].end
    assert window_of(Asked("q", "a", (article(0)[end - 2 : end + 2],), end - 2), cut) is None


TOLD = "青石镇\n1936年，青石镇在成都举办了第三届灯会，来了250人。"


@pytest.mark.parametrize(
    "question",
    ["1936年举办了什么？", "第三届灯会来了多少人？", "在成都举办了什么？", "来了250人的是什么？", "青石镇举办了什么？"],
)
def test_a_swapped_question_names_what_the_window_does_not(question: str) -> None:
    for seed in range(8):
        changed = swap(question, TOLD, random.Random(seed), ["紫云山", "黑水镇"])
        assert changed and changed != question
        new = set(re.findall(r"\d+|第.届|[一-龥]{2}", changed)) - set(re.findall(r"\d+|第.届|[一-龥]{2}", question))
        assert new and any(part not in TOLD for part in new)


def test_nothing_is_swapped_where_nothing_decides() -> None:
    assert swap("这里举办了什么？", TOLD, random.Random(0), ["紫云山"]) == ""
    assert swap("1999年举办了什么？", TOLD, random.Random(0)) == ""  # the window does not hold the year anyway


def test_a_swap_that_stays_true_is_not_offered() -> None:
    told = "题\n" + "，".join(f"{year}年" for year in range(1920, 1950))
    assert swap("1936年发生了什么？", told, random.Random(0)) == ""


def test_a_subject_is_moved_only_to_a_text_that_does_not_tell() -> None:
    assert transplant("清华大学是什么时候成立的？", "清华大学", "青石镇", "青石镇多山。") == "青石镇是什么时候成立的？"
    assert transplant("清华大学是什么时候成立的？", "清华大学", "青石镇", "青石镇成立于1936年，什么时候都多山。") == ""
    assert transplant("它是什么时候成立的？", "清华大学", "青石镇", "青石镇多山。") == ""


def test_templates_ask_for_what_is_absent() -> None:
    for seed in range(30):
        asked = attribute_example(
            "青石镇", "青石镇耗资三亿元，票价20元，1936年成立，创始人是李明。", random.Random(seed)
        )
        assert asked and not any(
            word in asked for word in ("花", "耗资", "资金", "钱", "票价", "创", "哪一年", "哪年", "什么时候建")
        )


def test_templates_ask_for_what_is_stated() -> None:
    text = "青石镇图书馆成立于1936年5月，由李明创办。"
    found = {stated_example("青石镇图书馆", text, random.Random(seed)) for seed in range(20)}
    answers = {text[item[1] : item[2]] for item in found if item}
    assert answers == {"1936年5月", "李明"}


@settings(max_examples=100, deadline=None)
@given(
    st.text(alphabet="中国發展歷史的1936年，。“”ab ；（）%", min_size=1, max_size=60), st.integers(0, 10**6), st.data()
)
def test_variants_keep_the_window_s_length(text: str, seed: int, draw: st.DataObject) -> None:
    start = draw.draw(st.integers(0, len(text) - 1))
    end = draw.draw(st.integers(start + 1, len(text)))
    changed = augment(Example("什么时候？", "题", text, start, end), random.Random(seed))
    assert len(changed.text) == len(text) and (changed.start, changed.end) == (start, end)
    assert changed.question


def test_forms_of_a_question() -> None:
    assert "啥" in {c for seed in range(10) for c in colloquial("请问它是什么时候建的？", random.Random(seed))}
    assert keywords("北京大学是什么时候成立的？") == "北京大学 成立的"
    assert keywords("是谁？") == "是谁？"
    assert other_script("发展历史", "s2t") == "發展歷史"
    assert homophones_of(["智惠智慧"], least=1)["惠"] == ["慧"]
    assert slip("智慧", random.Random(0), {"慧": ["惠"]}) == "智惠"
    assert {reworded("何时？", random.Random(s)) for s in range(50)} >= {"何时？", "何时"}


def test_auroc_by_hand() -> None:
    assert auroc([3, 2], [1, 0]) == 1.0
    assert auroc([1], [1]) == 0.5
    assert auroc([3, 0], [1, 2]) == 0.5
    assert np.isnan(auroc([], [1]))


def test_spans_are_compared_by_hand() -> None:
    assert segments("《GPT-4》共1,936年") == ["gpt", "4", "共", "1", "936", "年"]
    assert exact_match("“成都”。", ["上海", "成都"]) == 1 and exact_match("成都市", ["成都"]) == 0
    assert f1("成都市", ["成都"]) == 2 * 2 / 5 and f1("上海", ["成都"]) == 0 and f1("", ["成都"]) == 0


def test_a_perfect_and_an_absent_reader_are_measured(folders: Path) -> None:
    found = cases(data.read_folder(folders / "cmrc2018-trial"), 8)
    perfect = measure(
        found, lambda rows: [(1.0, r.text[r.start : r.end]) if r.start >= 0 else (-1.0, "") for r in rows]
    )
    assert perfect["em"] == perfect["f1"] == 100 and perfect["auroc"] == 1 and perfect["answered"] == 100
    absent = measure(found, lambda rows: [(-1.0, "")] * len(rows))
    assert absent["em"] == absent["answered"] == 0 and absent["auroc"] == 0.5


def write_base(path: Path, seed: int = 0) -> None:
    """A BERT encoder of two layers with random weights, and a tokenizer of single characters."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    from rag.training.ship import write

    path.mkdir()
    letters = sorted(
        {c for i in range(12) for c in article(i)} | set("什么时候哪一年多少居民query: passage\n？是谁的创办镇")
    )
    vocabulary = {token: i for i, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *letters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("[\\s\\S]"), "isolated")
    tokenizer.save(str(path / "tokenizer.json"))
    hidden, wide, positions = 16, 32, 512
    config = {"hidden_size": hidden, "num_hidden_layers": 2, "num_attention_heads": 2, "layer_norm_eps": 1e-12,
              "max_position_embeddings": positions, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}  # fmt: skip
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) * 0.2).astype(np.float32)

    arrays = {
        "embeddings.word_embeddings.weight": draw(len(vocabulary), hidden),
        "embeddings.position_embeddings.weight": draw(positions, hidden),
        "embeddings.token_type_embeddings.weight": draw(2, hidden),
        "pooler.dense.weight": draw(hidden, hidden),
    }
    norms = ["embeddings.LayerNorm"]
    for i in range(2):
        at = f"encoder.layer.{i}."
        norms += [f"{at}attention.output.LayerNorm", f"{at}output.LayerNorm"]
        for name, shape in (
            *((f"attention.self.{part}", (hidden, hidden)) for part in ("query", "key", "value")),
            ("attention.output.dense", (hidden, hidden)),
            ("intermediate.dense", (wide, hidden)),
            ("output.dense", (hidden, wide)),
        ):
            arrays[f"{at}{name}.weight"], arrays[f"{at}{name}.bias"] = draw(*shape), draw(shape[0])
    for name in norms:
        arrays[f"{name}.weight"], arrays[f"{name}.bias"] = np.ones(hidden, np.float32), np.zeros(hidden, np.float32)
    write(path / "model.safetensors", arrays, {})


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("base") / "tiny"
    write_base(path)
    return path


def test_a_run_that_was_stopped_ends_with_the_same_weights(folders: Path, base: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    from rag.reader.network import read_sizes
    from rag.training.feed import Feed
    from rag.training.plan import Plan
    from rag.training.train import Trainer

    sizes, plan = read_sizes(base), Plan(steps=6, tokens=1500, round=24, frozen=1)
    feed = Feed(training_material(folders), Tokenizer.from_file(str(base / "tokenizer.json")), sizes, plan)
    straight = Trainer(base, tmp_path / "straight", feed, sizes, plan)
    before = {name: straight.weights[name].detach().clone() for name in straight.names}
    straight.run(lambda row: None)
    stopped = Trainer(base, tmp_path / "stopped", feed, sizes, plan)
    stopped.run(lambda row: None, stop_at=3)
    resumed = Trainer(base, tmp_path / "stopped", feed, sizes, plan)
    assert resumed.resume() and resumed.step == 3
    resumed.run(lambda row: None)
    assert resumed.step == straight.step == 6
    assert all(bool((straight.weights[n] == resumed.weights[n]).all()) for n in straight.names)
    assert any(bool((straight.weights[n] != before[n]).any()) for n in straight.names)
    assert not any(name.startswith(("embeddings.", "encoder.layer.0.")) for name in straight.names)


def test_from_the_folders_to_the_shipped_file_and_an_answer(folders: Path, base: Path, tmp_path: Path) -> None:
    from rag.reader.span import load
    from rag.training import ship, train

    out, shipped = tmp_path / "run", tmp_path / "model" / "span.safetensors"
    train.main([str(folders), str(out), "--base", str(base), "--steps", "12", "--tokens", "1500", "--round", "60",
                "--frozen", "0", "--watch", "4"])  # fmt: skip
    logged = [json.loads(line) for line in (out / train.LOG).read_text(encoding="utf-8").splitlines()]
    assert logged[0]["step"] == 10 and "f1" in logged[-1] and "loss" in logged[0]
    ship.main([str(out), str(folders), "--base", str(base), "--questions", "4", "--to", str(shipped), "--unrounded"])  # fmt: skip
    figures = json.loads(shipped.with_name("figures.json").read_text(encoding="utf-8"))
    assert figures["bytes"] == shipped.stat().st_size and figures["plan"]["reached"] == 12
    (window,) = load(base, shipped).read("青石镇建于哪一年？", [("青石镇", article(0))])
    assert all(0 <= start < end <= len(article(0)) for start, end, _ in window.spans)


def test_rounding_loses_at_most_half_a_step(base: Path) -> None:
    import torch

    from rag.embed.directory import read_safetensors
    from rag.reader.network import merged
    from rag.training.model import load_base, new_head, trained_names
    from rag.training.ship import difference

    before = load_base(base)
    torch.manual_seed(0)
    trained = {name: before[name] + 0.05 * torch.randn(before[name].shape) for name in trained_names(before)}
    trained |= new_head(16, 0)
    found = merged(read_safetensors(base / "model.safetensors"), difference(before, trained))
    for name, values in trained.items():
        step = (
            (values - before[name]).abs().amax(-1, keepdim=True).numpy() / 127
            if values.ndim > 1 and name in before
            else 0
        )
        assert (np.abs(found[name] - values.numpy()) <= step / 2 + 1e-4).all(), name
    assert np.array_equal(found["span_head.weight"], trained["span_head.weight"].numpy())
    with pytest.raises(ValueError, match="no embeddings"):
        merged(
            read_safetensors(base / "model.safetensors"),
            {"embeddings.none.add": np.zeros(3), **difference(before, trained)},
        )


def test_a_matrix_that_nothing_changed_stays_as_it_is(base: Path) -> None:
    from rag.embed.directory import read_safetensors
    from rag.reader.network import merged
    from rag.training.model import load_base, new_head
    from rag.training.ship import difference

    before = load_base(base)
    found = merged(read_safetensors(base / "model.safetensors"), difference(before, before | new_head(16, 0)))
    assert all(np.array_equal(found[name], values.numpy()) for name, values in before.items())
