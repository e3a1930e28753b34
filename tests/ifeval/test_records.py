"""Files that cannot be used are named with the line."""

import gzip
import json

import pytest

from ifeval import RecordError, read_prompts, read_responses, unpacking
from ifeval.jsonl import dump_line, read_lines

ROW = {"key": 1, "prompt": "Say hi.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}


def write(path, *rows):
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{broken", ["line 2", "not JSON"]),
        ("[1]", ["line 2", "not a JSON object but an array; one object a line is expected"]),
        ("{", ["line 2", "column 2); one object a line is expected"]),
        ({**ROW, "key": 1}, ["line 2", "already stands in line 1"]),
        ({"key": 2}, ["line 2", "'prompt' is missing"]),
        ({**ROW, "key": None}, ["line 2", "'key' must be a whole number or a string, not null"]),
        ({**ROW, "key": 2, "kwargs": []}, ["line 2", "1 instruction ids but 0 kwargs"]),
        ({**ROW, "key": 2, "instruction_id_list": [], "kwargs": []}, ["line 2", "empty"]),
        ({**ROW, "key": 2, "kwargs": [{"n": 1}]}, ["line 2", "key 2", "punctuation:no_comma", "'n'"]),
        ({**ROW, "key": 2, "instruction_id_list": ["x"]}, ["line 2", "unknown instruction id"]),
    ],
)
def test_prompts_that_cannot_be_used(tmp_path, row, words):
    with pytest.raises(RecordError) as raised:
        read_prompts(write(tmp_path / "p.jsonl", ROW, row))
    for word in ["p.jsonl", *words]:
        assert word in str(raised.value)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], ["no response to 2 of 2 prompts", "1, 2", "--allow-missing"]),
        ([{"key": 1, "response": "a"}], ["no response to 1 of 2", "keys 2"]),
        ([{"key": 3, "response": "a"}], ["line 1", "no prompt has the key 3"]),
        ([{"key": 1, "prompt": "Other", "response": "a"}], ["line 1", "differs"]),
        ([{"prompt": "Unknown", "response": "a"}], ["line 1", "'Unknown'", "matches no prompt"]),
        ([{"key": 1, "response": None}], ["line 1", "'response' is null", "--allow-missing"]),
        ([{"response": "a"}], ["line 1", "'key' or 'prompt' is needed"]),
        ([{"key": 1, "response": "a"}, {"prompt": "Say hi.", "response": "b"}], ["line 2", "already", "line 1"]),
        (["\x00"], ["line 1", "not JSON"]),
    ],
)
def test_responses_that_cannot_be_used(tmp_path, rows, words):
    prompts = read_prompts(write(tmp_path / "p.jsonl", ROW, {**ROW, "key": 2, "prompt": "Bye."}))
    with pytest.raises(RecordError) as raised:
        read_responses(write(tmp_path / "r.jsonl", *rows), prompts)
    for word in ["r.jsonl", *words]:
        assert word in str(raised.value)


def test_the_official_format_and_ours_in_any_order(tmp_path):
    prompts = read_prompts(write(tmp_path / "p.jsonl", ROW, {**ROW, "key": 2, "prompt": "Bye."}))
    official = [{"prompt": "Bye.", "response": "b"}, {"prompt": "Say hi.", "response": "a"}]
    own = [{"key": 1, "prompt": "Say hi.", "response": "a", "new_tokens": 1}, {"key": 2, "response": "b"}]
    for rows in (official, own):
        assert read_responses(write(tmp_path / "r.jsonl", *rows), prompts) == {1: "a", 2: "b"}


def test_the_same_prompt_twice_needs_keys(tmp_path):
    prompts = read_prompts(write(tmp_path / "p.jsonl", ROW, {**ROW, "key": 2}))
    with pytest.raises(RecordError, match="more than once; add 'key'"):
        read_responses(write(tmp_path / "r.jsonl", {"prompt": "Say hi.", "response": "a"}), prompts)


def test_gzip_byte_order_mark_and_blank_lines(tmp_path):
    path = tmp_path / "p.jsonl.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + json.dumps(ROW).encode() + b"\r\n\n"))
    assert [prompt.key for prompt in read_prompts(path)] == [1]


@pytest.mark.parametrize("start", [b"\n", b"\r\n", b" \n\n", b""])
def test_a_byte_order_mark_before_blank_lines(tmp_path, start):
    path = tmp_path / "p.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + start + json.dumps(ROW).encode())
    assert list(read_lines(path)) == [(1 + start.count(b"\n"), ROW)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"", "no prompts"),
        (b"\xef\xbb\xbf", "no prompts"),
        (b"\x1f\x8bxx", "cannot be read"),
    ],
)
def test_bytes_that_are_no_text(tmp_path, content, words):
    (tmp_path / "p.jsonl").write_bytes(content)
    with pytest.raises(RecordError, match=words):
        read_prompts(tmp_path / "p.jsonl")


def test_a_missing_file(tmp_path):
    with pytest.raises(RecordError, match="there is no such file"):
        read_prompts(tmp_path / "none.jsonl")


def test_lone_surrogates_survive_writing_and_reading(tmp_path):
    row = {"response": "a\ud800b\u2028c é"}
    (tmp_path / "r.jsonl").write_bytes(dump_line(row))
    assert list(read_lines(tmp_path / "r.jsonl")) == [(1, row)]


def test_a_damaged_gzip_body(tmp_path):
    whole = bytearray(gzip.compress(json.dumps(ROW).encode() * 50))
    for damaged in (whole[:-9], bytes([*whole[:20], *(byte ^ 0x5A for byte in whole[20:])])):
        (tmp_path / "p.jsonl.gz").write_bytes(damaged)
        with pytest.raises(RecordError, match=r"p.jsonl.gz: cannot be read"):
            read_prompts(tmp_path / "p.jsonl.gz")


def test_how_much_a_file_may_unpack_to_is_limited(tmp_path, monkeypatch):
    path = tmp_path / "p.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(ROW).encode() + b"\n" + b"\n" * (3 << 20)))
    assert len(list(read_lines(path))) == 1
    monkeypatch.setattr(unpacking, "LIMIT_MIB", 2)
    with pytest.raises(RecordError, match=r"more than 2 MiB, and more than 32 times its size; .* IFEVAL_MAX_UNPACKED"):
        list(read_lines(path))
    monkeypatch.setenv(unpacking.LIMIT, "4")
    assert len(list(read_lines(path))) == 1
    for wrong in ("much", "-1", "\u00b2", "9" * 5000):
        monkeypatch.setenv(unpacking.LIMIT, wrong)
        with pytest.raises(RecordError, match=f"a whole number of MiB, not '{wrong[:40]}'"):
            list(read_lines(path))


def test_a_file_that_is_packed_again_and_again(tmp_path):
    """One can be made that unpacks to itself."""
    path, content = tmp_path / "p.jsonl.gz", json.dumps(ROW).encode()
    for layer in range(5):
        content = gzip.compress(content)
        path.write_bytes(content)
        if layer < 3:
            assert list(read_lines(path)) == [(1, ROW)]
        else:
            with pytest.raises(RecordError, match=r"p.jsonl.gz: is packed more than 3 times: unpack it"):
                list(read_lines(path))


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        *[(1, "1"), ("1", 1), (1.0, "1"), ("1", 1.0), (-7, "-7"), ("007", "007"), (0, "0")],
        *[(1, "1.0"), ("1.0", 1), ("1.0", "1"), ("-3", "-3.0"), (2.0, "2.0")],
    ],
)
def test_keys_as_text_and_as_numbers_meet(tmp_path, asked, answered):
    prompts = read_prompts(write(tmp_path / "p.jsonl", {**ROW, "key": asked}))
    found = read_responses(write(tmp_path / "r.jsonl", {"key": answered, "response": "a"}), prompts)
    assert found == {prompts[0].key: "a"}


@pytest.mark.parametrize(
    ("asked", "answered"), [(7, "007"), ("007", 7), (1, True), (1, "1.5"), (1, "1.00"), (1, "x"), (1, [1])]
)
def test_keys_that_are_written_otherwise_do_not_meet(tmp_path, asked, answered):
    prompts = read_prompts(write(tmp_path / "p.jsonl", {**ROW, "key": asked}))
    with pytest.raises(RecordError, match="no prompt has the key"):
        read_responses(write(tmp_path / "r.jsonl", {"key": answered, "response": "a"}), prompts)


def test_a_key_as_it_is_goes_before_the_same_as_text(tmp_path):
    prompts = read_prompts(write(tmp_path / "p.jsonl", ROW, {**ROW, "key": "1", "prompt": "Bye."}))
    rows = [{"key": "1", "response": "b"}, {"key": 1, "response": "a"}]
    assert read_responses(write(tmp_path / "r.jsonl", *rows), prompts) == {1: "a", "1": "b"}
    with pytest.raises(RecordError, match="no prompt has the key '1.0'"):  # which of the two?
        read_responses(write(tmp_path / "r.jsonl", {"key": "1.0", "response": "a"}), prompts, allow_missing=True)


def test_padding_with_nan(tmp_path):
    row = {**ROW, "kwargs": [{"num_words": float("nan"), "keywords": None}]}
    assert read_prompts(write(tmp_path / "p.jsonl", row, {**ROW, "key": 2, "kwargs": [float("nan")]}))
    for number, kwargs in enumerate(('"kwargs": NaN', '"kwargs": null', '"kwargs": [null]', '"x": 1')):
        line = f'{{"key": {number}, "prompt": "p", "instruction_id_list": ["punctuation:no_comma"], {kwargs}}}'
        assert len(read_prompts(write(tmp_path / "p.jsonl", line))) == 1
    line = line.replace("punctuation:no_comma", "length_constraints:number_words")
    with pytest.raises(RecordError, match=r"line 1 \(key 3\): length_constraints:number_words: .* is missing"):
        read_prompts(write(tmp_path / "p.jsonl", line))
    assert json.loads(dump_line(row))["kwargs"] == [{"num_words": None, "keywords": None}]


def test_a_response_whose_prompt_is_padding_is_found_by_its_key(tmp_path):
    prompts = read_prompts(write(tmp_path / "p.jsonl", ROW))
    for padding in ("NaN", "null"):
        row = f'{{"key": "1", "prompt": {padding}, "response": "a"}}'
        assert read_responses(write(tmp_path / "r.jsonl", row), prompts) == {1: "a"}
    with pytest.raises(RecordError, match="'key' or 'prompt' is needed"):
        read_responses(write(tmp_path / "r.jsonl", '{"key": NaN, "prompt": NaN, "response": "a"}'), prompts)


def test_an_id_that_is_no_string(tmp_path):
    with pytest.raises(RecordError, match="holds \\[1\\], which is not a string"):
        read_prompts(write(tmp_path / "p.jsonl", {**ROW, "instruction_id_list": [[1]]}))


def test_a_response_under_another_name_or_none(tmp_path):
    prompts = read_prompts(write(tmp_path / "p.jsonl", ROW))
    with pytest.raises(RecordError, match="line 1: .* rows need response and key or prompt, and .* has key, output$"):
        read_responses(write(tmp_path / "r.jsonl", {"key": 1, "output": "a"}), prompts, allow_missing=True)
    for value, kind in (("7", "a number"), ('["a"]', "an array"), ("{}", "an object"), ("true", "true")):
        path = write(tmp_path / "r.jsonl", f'{{"key": 1, "response": {value}}}')
        for allowed in (False, True):
            with pytest.raises(RecordError, match=f"'response' must be a string, not {kind}$"):
                read_responses(path, prompts, allowed)
    for value in ("null", "NaN"):
        path = write(tmp_path / "r.jsonl", f'{{"key": 1, "response": {value}}}')
        with pytest.raises(RecordError, match=f"'response' is {value}; --allow-missing counts it as missing$"):
            read_responses(path, prompts)
        assert read_responses(path, prompts, allow_missing=True) == {}


@pytest.mark.parametrize("row", [{"key": 3}, {"prompt": "Unknown"}, {}])
def test_a_missing_response_has_to_match_a_prompt_too(tmp_path, row):
    prompts = read_prompts(write(tmp_path / "p.jsonl", ROW))
    for response in (None, float("nan"), "a"):
        path = write(tmp_path / "r.jsonl", row | {"response": response})
        with pytest.raises(RecordError, match="line 1: (no prompt has|the prompt 'Unknown' matches no|'key' or)"):
            read_responses(path, prompts, allow_missing=True)
    null, text = {"key": 1, "response": None}, {"key": 1, "response": "a"}
    for answered in ([null, text], [text, null], [null, null, text]):
        assert read_responses(write(tmp_path / "r.jsonl", *answered), prompts, allow_missing=True) == {1: "a"}
