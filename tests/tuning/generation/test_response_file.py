"""An interruption loses no finished response, and what is counted of them."""

from tuning.generation import answering
from tuning.generation.response_file import Partial


def row(key):
    return {"key": key, "prompt": "p", "response": f"r{key}\u2028", "new_tokens": 1, "finish_reason": "stop"}


def test_finished_responses_are_on_disk_at_once_and_found_again(tmp_path):
    path = tmp_path / "responses" / "base.jsonl"
    Partial(path, "run").add([row(2), row(1)])
    again = Partial(path, "run")
    assert list(again.rows) == [2, 1]
    again.add([row(3)])
    assert [found["key"] for found in again.finish([1, 2, 3])] == [1, 2, 3]
    assert [file.name for file in path.parent.iterdir()] == ["base.jsonl"]


def test_a_line_cut_while_it_was_written_is_answered_again(tmp_path):
    partial = Partial(tmp_path / "base.jsonl", "run")
    partial.add([row(1), row(2)])
    partial.partial.write_bytes(partial.partial.read_bytes()[:-5])
    assert list(Partial(tmp_path / "base.jsonl", "run").rows) == [1]


def test_responses_of_another_run_are_never_used(tmp_path):
    Partial(tmp_path / "base.jsonl", "one").add([row(1)])
    assert Partial(tmp_path / "base.jsonl", "other").rows == {}


def test_a_response_loops_when_ten_words_come_four_times():
    run = "one two three four five six seven eight nine ten "
    assert [answering.is_looping(run * count + "end") for count in (0, 1, 3, 4, 9)] == [False, False, False, True, True]
    assert answering.is_looping("no " * 13)
    assert not answering.is_looping("no " * 12)
