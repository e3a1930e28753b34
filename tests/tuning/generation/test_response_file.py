"""An interruption loses no finished response, and what is counted of them."""

from tuning.generation import answering
from tuning.generation.response_file import Partial


def row(key):
    return {"key": key, "prompt": "p", "response": f"r{key}\u2028", "new_tokens": 1, "finish_reason": "stop"}


def test_finished_responses_are_on_disk_at_once_and_found_again(tmp_path):
    Partial(tmp_path).add([row(2), row(1)])
    again = Partial(tmp_path)
    assert list(again.rows) == [2, 1]
    again.add([row(3)])
    assert again.collect([1, 2, 3]) == [row(1), row(2), row(3)]


def test_a_line_cut_while_it_was_written_is_answered_again(tmp_path):
    partial = Partial(tmp_path)
    partial.add([row(1), row(2)])
    partial.path.write_bytes(partial.path.read_bytes()[:-5])
    assert list(Partial(tmp_path).rows) == [1]


def test_a_damaged_line_is_answered_again_and_the_others_are_kept(tmp_path):
    partial = Partial(tmp_path)
    partial.add([row(1), row(2), row(3)])
    lines = partial.path.read_bytes().splitlines(keepends=True)
    for broken in (bytes(len(lines[1]) - 1) + b"\n", b"\xff\n", b"[1]\n", b"{}\n", b"\n"):
        partial.path.write_bytes(lines[0] + broken + lines[2])
        assert list(Partial(tmp_path).rows) == [1, 3]


def test_what_several_processes_have_finished_is_collected(tmp_path):
    first, second = Partial(tmp_path, rank=0), Partial(tmp_path, rank=1)
    second.add([row(1)])
    first.add([row(2)])
    assert first.collect([1, 2]) == [row(1), row(2)]


def test_responses_to_other_questions_are_never_used(tmp_path):
    Partial(tmp_path, "one").add([row(1)])
    assert Partial(tmp_path, "other").rows == {}


def test_a_response_loops_when_ten_words_come_four_times():
    run = "one two three four five six seven eight nine ten "
    assert [answering.is_looping(run * count + "end") for count in (0, 1, 3, 4, 9)] == [False, False, False, True, True]
    assert answering.is_looping("no " * 13)
    assert not answering.is_looping("no " * 12)
