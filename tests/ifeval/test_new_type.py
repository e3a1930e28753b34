"""A type is one class: a made-up one, registered here, is checked, listed, asked for, imposed and put into rows."""

import random
from collections import Counter

import pytest

from ifeval import INSTRUCTIONS, Instruction, Verdict, ask, build, cli, describe, impose
from ifeval.imposing import imposing_order
from ifeval.instructions import conflict
from ifeval.instructions.base import LETTERS, Layer, register
from ifeval.parameters import integer
from tests.tiny import ROOT
from tuning.data import instruction_rows

ID = "punctuation:number_dots"
TEXT = "Bread needs flour, water and salt. Leave it in a warm place. Then bake it until it is brown."
REQUEST = instruction_rows.Request([{"role": "user", "content": "How is bread made?"}], [TEXT], TEXT)


@pytest.fixture(autouse=True)
def new_type(monkeypatch):
    monkeypatch.setitem(INSTRUCTIONS, ID, None)  # so that it is gone again after the test
    del INSTRUCTIONS[ID]

    @register
    class NumberOfDots(Instruction):
        """Exactly so many dots at the end."""

        id = ID
        parameters = {"num_dots": integer(3, minimum=1)}
        layer = Layer.WORDS
        claims = (LETTERS, "each decides about the signs at the end")
        conflicts = {"startend:quotation": "the last sign would be a quotation mark"}
        wordings = ("{num_dots:dot} must end it.", "{task} Finish with {num_dots:dot}.")

        def judge(self, text):
            count = len(text.raw) - len(text.raw.rstrip("."))
            return Verdict(count == self.num_dots, f"{count} dots found, {self.num_dots} asked")

        @staticmethod
        def impose(text, rng, around):
            count = rng.randint(2, 5)
            return text.rstrip(".") + "." * count, {"num_dots": count}

    return NumberOfDots


def test_it_is_checked():
    assert build(ID, {"num_dots": 3}).check("Well...")
    assert not build(ID, {"num_dots": 3}).check("Well..")


def test_it_is_listed_with_an_example(capsys):
    assert cli.main(["list"]) == 0
    listed = capsys.readouterr().out
    assert f"{ID}\n    Exactly so many dots at the end.\n    num_dots: int >= 1\n" in listed
    assert cli.main(["check", "--id", ID, "--kwargs", '{"num_dots": 3}', "--response", "Well..."]) == 0
    assert "strict: followed" in capsys.readouterr().out


def test_it_is_asked_for():
    instruction = build(ID, {"num_dots": 2})
    said = {describe(instruction, random.Random(seed)) for seed in range(60)}
    assert said == {
        "2 dots must end it.",
        "Two dots must end it.",
        "{task} Finish with 2 dots.",
        "{task} Finish with two dots.",
    }
    assert ask("Go on.", [build(ID, {"num_dots": 1})], random.Random(0)).count("Go on.") == 1


def test_it_is_imposed_in_its_layer():
    found = impose(ID, TEXT, random.Random(1))
    assert build(ID, found.kwargs).check(found.response)
    assert imposing_order(["punctuation:no_comma", "startend:quotation", ID])[:2] == ["punctuation:no_comma", ID]


def test_it_conflicts_with_what_it_names_and_what_has_the_same_claim():
    assert conflict("startend:quotation", ID) == "the last sign would be a quotation mark"
    assert conflict(ID, "change_case:english_capital") == LETTERS
    assert conflict(ID, "punctuation:no_comma") is None


def test_rows_follow_it_beside_others():
    assert ID in instruction_rows.chosen_types("all")
    types = [ID, "startend:quotation", "change_case:english_capital", "punctuation:no_comma"]
    for seed in range(20):
        result = instruction_rows.treat(REQUEST, types, 2, random.Random(seed), Counter())
        assert result.types == ["punctuation:no_comma", ID]
        assert result.is_followed_by(result.completion[0]["content"])
        assert result.completion[0]["content"].endswith("." * result.kwargs[1]["num_dots"])


def test_a_type_that_declares_too_little_or_takes_an_id_is_refused(new_type):
    with pytest.raises(TypeError, match="Bare: an instruction type needs id, wordings, layer, impose, judge"):
        register(type("Bare", (Instruction,), {"__doc__": "Nothing."}))
    with pytest.raises(ValueError, match=f"Again: the id '{ID}' is that of NumberOfDots"):
        register(type("Again", (new_type,), {"__doc__": "The same."}))


def test_types_are_named_only_in_their_families():
    """But for the type that helps as an example in docstrings and messages."""
    for folder in ("ifeval", "tuning", "stages"):
        for file in (ROOT / folder).rglob("*.py"):
            if file.parent.name != "instructions":
                text = file.read_text(encoding="utf-8")
                assert {name for name in INSTRUCTIONS if name in text} <= {"punctuation:no_comma"}, file
