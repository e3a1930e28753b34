"""Nothing but text becomes text, whatever stands in a row."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.core.errors import UserError
from tuning.data import conversations, turns
from tuning.data.literal_json import LITERAL
from tuning.data.rows import RowError

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "from", "content", "value", "type", "text", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
PARTS = [{"type": "text", "text": "One, "}, {"type": "text", "text": "two."}]


def rows_with(value):
    """A value in every place of a row."""
    turn = {"role": "user", "content": value}
    reply = {"role": "assistant", "content": "Yes."}
    yield {"messages": value}
    yield {"messages": [value, reply]}
    yield {"messages": [turn, reply]}
    yield {"messages": [{"role": value, "content": "x"}, reply]}
    yield {"conversations": value}
    yield {"conversations": ["x", value]}
    yield {"prompt": value, "completion": "x"}
    yield {"prompt": "x", "completion": value}
    yield {"prompt": "x", "completion": [value]}
    yield {"prompt": "x", "response": value}
    yield {"prompt": "x", "chosen": value}
    yield {"instruction": "x", "input": value, "output": "x"}
    yield {"instruction": "x", "output": value}
    yield {"instruction": "x", "output": "x", "system": value}
    yield {"instruction": "x", "output": "x", "history": value}


def texts_in(value):
    """All texts that stand in a value, with the characters of its numbers and booleans."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts_in(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts_in(each)]
    if not isinstance(value, str):
        return []
    inside = turns.list_in_text(value)
    return [turns.well_formed(value)] + (texts_in(inside) if inside is not None else [])


def pieces(text):
    """The characters of a text but white space."""
    return "".join(text.split())


@given(VALUES)
def test_any_value_anywhere_is_a_conversation_or_none_or_one_named_error(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    messages = []
    for row in rows_with(value):
        line = json.dumps(row)
        path.write_text(f"{line}\n{line}")
        try:
            found = [conversation for _, conversation in conversations.read(str(path))]
        except UserError as error:
            messages.append(str(error))
            continue
        said = texts_in(LITERAL.decode(line))
        for turn in (turn for each in found if each for turn in each.prompt + each.completion):
            assert set(pieces(turn["content"])) <= set(pieces("\n".join(said)))
            assert turn["content"] not in (repr(value), json.dumps(value)) or isinstance(value, (str, int, float))
    assert all(f"{path}, line 1: " in message for message in messages)


def test_parts_of_text_are_joined_and_others_are_named():
    assert turns.text(PARTS, "content") == "One, two."
    for part in ({"type": "image_url"}, {"type": "text", "text": ["x"]}, {"type": "text"}):
        with pytest.raises(RowError, match="'content' has a part of the type"):
            turns.text([*PARTS, part], "content")


@pytest.mark.parametrize("value", [[1], ["a"], {"text": "a"}, True, 1.5, float("nan"), b"x", [None]])
def test_what_is_no_text_is_named(value):
    with pytest.raises(RowError, match="'answer' must hold text, not "):
        turns.text(value, "answer")


@pytest.mark.parametrize(("value", "expected"), [(None, ""), (12, "12"), (" a\n", "a"), ("\ud83d", "\ufffd")])
def test_texts(value, expected):
    assert turns.text(value, "answer") == expected
    assert turns.text("\ud83d\ude00 \x00.", "answer") == "\U0001f600 \x00."


@pytest.mark.parametrize(
    ("names", "role"),
    [
        (["user", "User", " HUMAN ", "prompter"], "user"),
        (["assistant", "gpt", "ChatGPT", "model", "bot", "AI"], "assistant"),
        (["system", "Developer"], "system"),
    ],
)
def test_names_of_roles(names, role):
    for name in names:
        assert turns.turns([{"from": name, "value": "x"}], "conversations") == [{"role": role, "content": "x"}]


@pytest.mark.parametrize(
    "turn",
    [{"role": name, "content": "{}"} for name in ("tool", "Function", "ipython", "observation", "function_call")]
    + [{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}],
)
def test_turns_of_tools_drop_a_row_and_do_not_end_the_run(tmp_path, turn):
    good = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
    rows = [{"messages": good}, {"messages": [good[0], turn, good[1]]}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    dropped = []
    found = list(conversations.read(str(tmp_path / "rows.jsonl"), drop=lambda *reason: dropped.append(reason)))
    assert [conversation is None for _, conversation in found] == [False, True]
    assert dropped == [("tool_turns", f"{tmp_path / 'rows.jsonl'}, line 2: it has turns of tools")]


def test_messages_as_text_and_as_columns():
    said = [{"role": "user", "content": "It's 1.50?"}, {"role": "assistant", "content": "Yes."}]
    columns = {"role": ["user", "assistant"], "content": ["It's 1.50?", "Yes."]}
    for value in (said, json.dumps(said), str(said), columns):
        assert turns.turns(value, "messages") == said
    assert turns.texts_or_turns('["a", "b"]', "conversations")[1] == {"role": "assistant", "content": "b"}
    for empty in (None, "", " ", "null", [], "[]"):
        assert turns.turns(empty, "messages") == []
    for wrong in ("[{", "Hello.", 1, {}, {"a": 1}):
        with pytest.raises(RowError, match="'messages' must hold"):
            turns.turns(wrong, "messages")


def test_system_and_history(tmp_path):
    row = {"system": "Be kind.", "history": [["Hi", "Ho"]], "instruction": "Why?", "output": "So."}
    shared = {"system_prompt": "Be kind.", "messages": [{"role": "user", "content": "a"}]}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    ((_, found),) = conversations.read(str(tmp_path / "rows.jsonl"))
    assert [turn["content"] for turn in found.prompt] == ["Be kind.", "Hi", "Ho", "Why?"]
    assert [turn["role"] for turn in found.prompt] == ["system", "user", "assistant", "user"]
    shared["messages"] += [{"role": "assistant", "content": "b"}]
    own = {"messages": [{"role": "developer", "content": "Mine."}, *shared["messages"]]}
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, [shared, shared | own])))
    assert [found.prompt[0]["content"] for _, found in conversations.read(str(tmp_path / "rows.jsonl"))] == [
        "Be kind.",
        "Mine.",
    ]


def test_an_empty_system_turn_says_nothing():
    said = [{"role": "system", "content": " "}, {"role": "user", "content": "Why?"}]
    assert turns.turns(said, "messages") == said[1:]
    typed = [{"type": "message", "role": "user", "content": PARTS}]
    assert turns.text_or_turns(typed, "prompt", "user") == [{"role": "user", "content": "One, two."}]


def test_malformed_rows_are_dropped_by_reason_when_asked_to(tmp_path):
    rows = ['{"prompt": "a", "response": "b"}', '{"prompt"', '{"prompt": ["c"], "response": "d"}', '{"prompt": "e"}']
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    reasons = []
    found = list(
        conversations.read(str(tmp_path / "rows.jsonl"), stops=False, drop=lambda reason, _: reasons.append(reason))
    )
    assert len(found) == 4
    assert reasons == ["not_json", "not_text", "missing_column"]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows[1:]))
    with pytest.raises(UserError, match=r"no row can be used; the first: .*line 1: not JSON"):
        list(conversations.read(str(tmp_path / "rows.jsonl"), stops=False))


def test_typed_columns_hold_text_or_whole_numbers(tmp_path):
    from datasets import Dataset

    path = str(tmp_path / "rows.parquet")
    Dataset.from_list([{"prompt": "a", "response": 7}, {"prompt": "b", "response": None}]).to_parquet(path)
    found = [conversation and conversation.completion[0]["content"] for _, conversation in conversations.read(path)]
    assert found == ["7", None]
    Dataset.from_list([{"prompt": "a", "response": 7.0}]).to_parquet(path)
    with pytest.raises(UserError, match=r"row 1: 'response' must hold text, not float"):
        list(conversations.read(path))
