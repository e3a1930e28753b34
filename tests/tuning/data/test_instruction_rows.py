"""Rows with verifiable instructions: asked for in the prompt, followed by the completion."""

import itertools
import json
import random
from collections import Counter
from dataclasses import dataclass

import pytest

from ifeval import INSTRUCTIONS, build, impose
from ifeval.instructions import conflict
from ifeval.instructions.base import EVERY
from tests.ifeval import official
from tests.ifeval.ways import every_way
from tests.tiny import ROOT
from tuning.config.own_keys import Instructions
from tuning.core.errors import UserError
from tuning.data import contamination, instruction_rows
from tuning.data.rows import Counts

SECTION = {"fraction": 1.0, "variants": 2, "per_row": [0.4, 0.4, 0.2], "types": "all"}
SECTION |= {"max_words": None, "short": 0.5, "keep_untouched": True}


@dataclass(frozen=True)
class Row:
    prompt: list
    completion: list
    types: tuple = ()


def starter(count=None):
    lines = (ROOT / "data/starter/instructions.jsonl").read_text(encoding="utf-8").splitlines()[:count]
    for line in lines:
        row = json.loads(line)
        request = "\n\n".join(filter(None, (row["instruction"], row["input"])))
        yield Row([{"role": "user", "content": request}], [{"role": "assistant", "content": row["output"]}])


def treated(rows, counts=None, seed=1, **changes):
    section = Instructions.model_validate(SECTION | changes)
    types = instruction_rows.chosen_types(section.types)
    return list(instruction_rows.treat_all(list(rows), types, section, seed, counts or Counts()))


@pytest.fixture(scope="module")
def all_rows():
    """Of all starter rows in English, two variants each."""
    rows = [row for row in starter() if not instruction_rows.is_foreign(row.completion[0]["content"])]
    return [(row, result) for row, result in treated(rows) if result is not None]


def test_nearly_every_row_gets_as_many_variants_as_asked(all_rows):
    english = [row for row in starter() if not instruction_rows.is_foreign(row.completion[0]["content"])]
    assert len(all_rows) > 0.9 * 2 * len(english)
    assert len({repr(result) for _, result in all_rows}) > 0.97 * len(all_rows)
    shares = Counter(len(result.types) for _, result in all_rows)
    assert [round(shares[count] / len(all_rows), 1) for count in (1, 2, 3)] == [0.4, 0.4, 0.2]


def test_every_type_but_two_answers_occurs_about_as_often(all_rows):
    """Of the starter rows no two answer the same request, and few can be answered with yes or no."""
    seen = Counter(name for _, result in all_rows if result for name in result.types)
    assert set(INSTRUCTIONS) - set(seen) == {"combination:two_responses"}
    del seen["detectable_format:constrained_response"]
    assert max(seen.values()) < 1.5 * min(seen.values())


def test_the_request_is_still_there_and_the_completion_is_changed_or_kept(all_rows):
    for row, result in all_rows:
        if result is None:
            continue
        assert row.prompt[-1]["content"] in result.prompt[-1]["content"]
        assert len(result.prompt[-1]["content"]) > len(row.prompt[-1]["content"])


def test_lengths_and_keywords_are_asked_of_long_texts():
    sentence = "Here is sentence number {} of a text on water and fire and earth and air."
    text = " ".join(sentence.format(number) for number in range(9))
    row = Row([{"role": "user", "content": "Go on."}], [{"role": "assistant", "content": text}])
    for name, words in (
        ("keywords:existence", 80),
        ("keywords:frequency", 80),
        ("length_constraints:number_words", 80),
        ("punctuation:no_comma", 16),
    ):
        (_, result), = treated([row], types=[name], variants=1, short=1, max_words=40, per_row=[1])  # fmt: skip
        assert len(result.completion[0]["content"].split()) == words


def test_the_same_seed_gives_the_same_rows():
    rows = list(starter(30))
    found = treated(rows)
    assert found == treated(rows)
    assert found != treated(rows, seed=2)


def test_none_and_some_of_the_rows():
    rows = list(starter(200))
    assert treated(rows, fraction=0) == [(row, None) for row in rows]
    share = sum(result is None for _, result in treated(rows, fraction=0.5, variants=1)) / len(rows)
    assert 0.35 < share < 0.65


def test_completions_are_cut_at_a_sentence_or_stay_as_they_are():
    rows = list(starter(60))
    found = treated(rows, max_words=40, variants=1, short=0, types=["startend:quotation"], per_row=[1])
    for row, result in found:
        text = row.completion[0]["content"]
        if result is None:  # one sentence of more words, or no prose
            assert instruction_rows.beginnings(text, 40) == []
            continue
        kept = result.completion[0]["content"].strip('"')
        assert len(kept.split()) <= 40
        assert text.replace('"', "'").startswith(kept)
        assert kept[-1] in ".!?:'"
    left_out = treated(rows, max_words=40, variants=1, keep_untouched=False)
    assert 0 < len(left_out) < len(rows)
    assert treated(rows, fraction=0, keep_untouched=False) == []


def test_short_variants_keep_no_more_than_their_instructions_need():
    text = "Bread needs flour, water, salt and some yeast. It rises for an hour in a warm place. Then it is baked."
    row = Row([{"role": "user", "content": "How is bread made?"}], [{"role": "assistant", "content": text}])
    assert instruction_rows.beginnings(text, None) == [text[:46], text[:84], text]
    (_, one), (_, two) = (
        treated([row], types=[name], variants=1, short=1, per_row=[1])[0]
        for name in ("change_case:english_lowercase", "length_constraints:number_paragraphs")
    )
    assert one.completion[0]["content"] == text[:46].lower()
    assert two.completion[0]["content"] == f"{text[:46]}\n\n***\n\n{text[47:84]}"


def test_a_row_in_another_language_stays_as_it_is():
    text = "Am frühen Morgen duftet die Bäckerei nach frischem Brot und die ersten Kunden warten schon."
    row = Row([{"role": "user", "content": "Describe a bakery in German."}], [{"role": "assistant", "content": text}])
    assert treated([row], keep_untouched=False) == [(row, None)]


def test_types_can_be_held_out():
    types = ["punctuation:no_comma", "startend:quotation", "detectable_format:title"]
    seen = {name for _, result in treated(starter(60), types=types) if result for name in result.types}
    assert seen == set(types)
    assert instruction_rows.chosen_types("startend:quotation") == ["startend:quotation"]
    with pytest.raises(UserError, match="'data.instructions.types' is empty"):
        instruction_rows.chosen_types([])
    with pytest.raises(UserError, match="unknown id 'punctuation:no_commas'"):
        treated(starter(1), types=["punctuation:no_commas"])


def test_two_responses_are_two_answers_to_one_request():
    asked = [{"role": "user", "content": "Name a colour."}]
    rows = [Row(asked, [{"role": "assistant", "content": text}]) for text in ("Blue.", "Green.")]
    found = treated(rows, types=["combination:two_responses"], variants=1, per_row=[1])
    assert [result.completion[0]["content"] for _, result in found] == [
        "Blue.\n\n******\n\nGreen.",
        "Green.\n\n******\n\nBlue.",
    ]


def test_no_two_of_a_row_conflict(all_rows):
    for _, result in all_rows:
        for one, another in itertools.combinations(result.types if result else (), 2):
            assert conflict(one, another) is None


def test_conflicts_have_a_reason_name_types_and_hold_both_ways():
    for name, cls in INSTRUCTIONS.items():
        assert all(cls.claims)
        assert all(cls.conflicts.values())
        assert set(cls.conflicts) <= {*INSTRUCTIONS, EVERY} - {name}
    for one, another in itertools.product(INSTRUCTIONS, repeat=2):
        assert (conflict(one, another) is None) == (conflict(another, one) is None)
        assert instruction_rows.compatible([one], another) == (conflict(one, another) is None)
    assert conflict("startend:quotation", "detectable_format:json_format").startswith("JSON is the whole output")
    assert all(conflict("detectable_format:constrained_response", name) for name in INSTRUCTIONS)
    assert conflict("keywords:existence", "keywords:frequency") is None


@pytest.mark.parametrize(
    ("one", "another", "reason"),
    [
        ("length_constraints:number_paragraphs", "detectable_format:number_bullet_lists", "arranges"),
        ("detectable_content:postscript", "detectable_format:multiple_sections", "arranges"),
        ("detectable_format:json_format", "combination:two_responses", "arranges"),
        ("change_case:english_capital", "language:response_language", "case of letters"),
        ("change_case:english_lowercase", "change_case:capital_word_frequency", "case of letters"),
        ("startend:end_checker", "detectable_content:postscript", "the last thing"),
        ("detectable_format:title", "length_constraints:nth_paragraph_first_word", "a paragraph too many"),
        ("combination:repeat_prompt", "combination:two_responses", "the answer twice"),
        ("keywords:existence", "detectable_format:constrained_response", "the whole response"),
    ],
)
def test_what_conflicts_and_why(one, another, reason):
    assert reason in conflict(one, another)


def test_the_official_scorer_agrees_with_every_row(monkeypatch):
    """The kwargs that were imposed last are those that the scorer is asked about."""
    text = "Yes. Bread needs flour and water. Salt gives it taste, and yeast makes it rise. Bake it until it is brown."
    kept = []
    build = instruction_rows.build
    monkeypatch.setattr(
        instruction_rows, "build", lambda name, kwargs: kept.append((name, kwargs)) or build(name, kwargs)
    )
    for seed in range(150):
        kept.clear()
        rng = random.Random(seed)
        types = rng.sample(sorted(INSTRUCTIONS), len(INSTRUCTIONS))
        request = instruction_rows.Request([{"role": "user", "content": "How is bread made?"}], [text], text)
        result = instruction_rows.treat(request, types, 2, rng, Counter())
        if result is not None:
            names, kwargs = zip(*kept, strict=True)
            verdicts, _ = official.verdicts(list(names), list(kwargs), result.completion[0]["content"])
            assert all(verdicts), (result, kept)


def said(answer):
    return Row([{"role": "user", "content": "?"}], [{"role": "assistant", "content": answer}])


def test_what_cannot_be_kept_is_counted():
    counts, rows = Counts(), [said("42")]
    assert treated(rows, counts, types=["detectable_format:title"], variants=3, keep_untouched=False) == []
    assert counts.lost.total() == 3 * instruction_rows.TRIES
    assert counts.untouched() == counts.dropped["no_instruction_fits"] == 1


@pytest.mark.parametrize(
    ("rows", "changes", "reason"),
    [
        ([said("42")], {"types": ["combination:two_responses"]}, "no_instruction_fits"),
        ([said("\n".join(["- one more word"] * 30))], {"max_words": 60}, "too_long_to_instruct"),
        ([said("It is so.")], {"fraction": 0.0}, "not_drawn"),
    ],
)
def test_a_row_without_an_instruction_is_kept_or_counted(rows, changes, reason):
    assert treated(rows, keep_untouched=True, **changes) == [(rows[0], None)]
    counts = Counts()
    assert treated(rows, counts, keep_untouched=False, **changes) == []
    assert counts.dropped[reason] == counts.untouched() == 1


@pytest.mark.parametrize("name", ["prompts", "prompts_unseen"])
def test_no_row_repeats_an_evaluation_prompt(all_rows, name):
    lines = (ROOT / f"data/starter/{name}.jsonl").read_text(encoding="utf-8").splitlines()
    prompts = [(row["key"], row["prompt"]) for row in map(json.loads, lines)]
    matches = contamination.find((result.prompt[-1]["content"] for _, result in all_rows if result), prompts)
    assert matches == []


@pytest.mark.parametrize("name", ["prompts", "prompts_unseen"])
def test_no_wording_shares_a_run_of_words_with_an_evaluation_prompt(name):
    """Rows with such a wording would be dropped. Values that are words are examples, numbers go from 1 to 12."""
    lines = (ROOT / f"data/starter/{name}.jsonl").read_text(encoding="utf-8").splitlines()
    prompts = [(row["key"], row["prompt"]) for row in map(json.loads, lines)]
    asked = []
    for instruction_id, number in itertools.product(INSTRUCTIONS, range(1, 13)):
        parameters = INSTRUCTIONS[instruction_id].parameters
        kwargs = {name: number if isinstance(each.example, int) else each.example for name, each in parameters.items()}
        relations = [name for name in parameters if name.endswith("relation")]
        for relation in ("at least", "less than") if relations else ("",):
            instruction = build(instruction_id, {**kwargs, **dict.fromkeys(relations, relation)})
            asked += [part for wording in every_way(instruction) for part in wording.split("{task}")]
    assert [(match.words, asked[match.row]) for match in contamination.find(asked, prompts)] == []


def test_imposing_twice_with_one_seed_is_the_same():
    for _, result in treated(starter(20), max_words=None):
        text = result.completion[-1]["content"]
        for name in result.types:
            assert impose(name, text, random.Random(3)) == impose(name, text, random.Random(3))
