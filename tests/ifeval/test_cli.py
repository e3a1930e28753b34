"""The command line, in a process of its own that has neither torch nor transformers nor dvc."""

import json
import subprocess
import sys

import pytest

from ifeval import cli
from tests.tiny import ROOT

BLOCKED = (
    "import sys\n"
    "class Block:\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    "        if name.split('.')[0] in ('torch', 'transformers', 'dvc', 'datasets', 'stages'):\n"
    "            raise ImportError(name)\n"
    "sys.meta_path.insert(0, Block())\n"
    "from ifeval.cli import main\n"
    "sys.exit(main(sys.argv[1:]))\n"
)

PROMPTS = [
    {"key": 1, "prompt": "No commas.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{"keywords": None}]},
    {
        "key": 2,
        "prompt": "Two bullets in quotes.",
        "instruction_id_list": ["detectable_format:number_bullet_lists", "startend:quotation"],
        "kwargs": [{"num_bullets": 2}, {}],
    },
]
RESPONSES = [
    {"prompt": "Two bullets in quotes.", "response": '"\n* a\n* b\n"'},
    {"prompt": "No commas.", "response": "a, b"},
]
BASELINE = [{"key": 1, "response": "no"}, {"key": 2, "response": ""}]

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="asks for Linux's /proc")


def run(*arguments, stdin=None):
    command = [sys.executable, "-c", BLOCKED, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, input=stdin, encoding="utf-8")


@pytest.fixture
def files(tmp_path):
    paths = {}
    for name, rows in (("prompts", PROMPTS), ("responses", RESPONSES), ("baseline", BASELINE)):
        paths[name] = tmp_path / f"{name}.jsonl"
        paths[name].write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return paths


def test_score_prints_tables_and_writes_two_files(files, tmp_path):
    out = tmp_path / "new" / "folder"
    done = run("score", "--prompts", files["prompts"], "--responses", files["responses"], "--out", out)
    assert done.returncode == 0, done.stderr
    assert "2 prompts, 3 instructions" in done.stdout
    assert "number_bullet_lists" in done.stdout
    scores = json.loads((out / "scores.json").read_text())
    assert scores["prompt_level_strict_acc"] == 0.5
    assert scores["inst_level_strict_acc"] == pytest.approx(2 / 3)
    assert len(scores["prompt_level_strict_acc_ci95"]) == 2
    verdicts = [json.loads(line) for line in (out / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(v["key"], v["index"], v["strict"]) for v in verdicts] == [(1, 0, False), (2, 0, True), (2, 1, True)]
    assert set(verdicts[0]) == {"key", "index", "instruction_id", "strict", "loose", "reason"}


def test_json_is_what_scores_json_holds(files, tmp_path):
    arguments = ["--prompts", files["prompts"], "--responses", files["responses"], "--out", tmp_path, "--json"]
    done = run("score", *arguments)
    assert json.loads(done.stdout) == json.loads((tmp_path / "scores.json").read_text())


def test_two_files_are_compared_prompt_by_prompt(files):
    arguments = ["--prompts", files["prompts"], "--responses", files["responses"], "--baseline", files["baseline"]]
    scores = json.loads(run("score", *arguments, "--json").stdout)
    assert scores["difference"]["prompt_level_strict_acc"] == 0
    assert scores["difference"]["inst_level_strict_acc"] == pytest.approx(1 / 3)
    assert scores["difference"]["prompt_level_strict_acc_mcnemar_p"] == 1
    assert scores["baseline"]["prompt_level_strict_acc"] == 0.5
    assert "McNemar" in run("score", *arguments).stdout


def test_responses_from_standard_input(files):
    done = run(
        "score", "--prompts", files["prompts"], "--responses", "-", "--json", stdin=files["responses"].read_text()
    )
    assert json.loads(done.stdout)["prompt_level_strict_acc"] == 0.5


def test_a_missing_response_is_an_error_unless_allowed(files):
    files["responses"].write_text(json.dumps(RESPONSES[0]))
    arguments = ["score", "--prompts", files["prompts"], "--responses", files["responses"]]
    refused = run(*arguments)
    assert refused.returncode == 2
    assert "no response to 1 of 2 prompts" in refused.stderr
    assert "Traceback" not in refused.stderr
    allowed = run(*arguments, "--allow-missing")
    assert allowed.returncode == 0
    assert "\n1 response missing, counted as not followed\n" in allowed.stdout
    files["baseline"].write_text(json.dumps(BASELINE[0]))
    allowed = run(*arguments, "--allow-missing", "--baseline", files["baseline"])
    assert "\n1 baseline response missing, counted as not followed\n" in allowed.stdout


def test_what_cannot_be_used_ends_with_2_and_names_the_place(files):
    files["prompts"].write_text(files["prompts"].read_text() + "\n{")
    done = run("score", "--prompts", files["prompts"], "--responses", files["responses"])
    assert (done.returncode, done.stdout) == (2, "")
    assert "prompts.jsonl, line 3" in done.stderr
    assert run("score", "--prompts", "-", "--responses", "-", stdin="").returncode == 2


def test_list_shows_every_type_with_an_example_that_check_takes():
    listed = run("list").stdout
    examples = [line.split("example: ", 1)[1] for line in listed.splitlines() if "example: " in line]
    assert len(examples) == 25
    name, kwargs = examples[0].removeprefix("--id ").split(" --kwargs ")
    assert run("check", "--id", name, "--kwargs", kwargs[1:-1], "--response", "x").returncode == 0


def test_check_gives_one_verdict_with_its_reason():
    bullets = ["--id", "detectable_format:number_bullet_lists", "--kwargs", '{"num_bullets": 2}']
    done = run("check", *bullets, "--response", "-", stdin="* a\n* b\n* c")
    assert done.stdout.splitlines()[0] == "strict: not followed"
    assert "3 bullet points found, 2 asked" in done.stdout
    assert run("check", *bullets, "--kwargs", "{", "--response", "x").returncode == 2
    assert run("check", "--id", "x", "--response", "x").returncode == 2


def test_importing_the_package_imports_nothing_heavy():
    code = "import ifeval, sys; ifeval.build('punctuation:no_comma').check('x'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"nltk", "langdetect", "numpy", "regex", "torch"} & set(done.stdout.split())


@pytest.mark.parametrize("place", ["ifeval.scoring.judge", "ifeval.cli.score", "ifeval.tables.type_table"])
def test_an_exception_that_nobody_has_thought_of_is_one_message(tmp_path, monkeypatch, capsys, place):
    def broken(*arguments):
        raise ZeroDivisionError("a wheel\ncame off")

    for name, rows in (("prompts", PROMPTS), ("responses", RESPONSES)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(place, broken)
    monkeypatch.delenv("DEBUG", raising=False)
    files = ["--prompts", str(tmp_path / "prompts"), "--responses", str(tmp_path / "responses")]
    assert cli.main(["score", *files]) == 2
    told = capsys.readouterr().err
    where = f"{tmp_path / 'prompts'}, line 1 (key 1): " if "judge" in place else ""
    assert told.startswith(f"error: {where}ZeroDivisionError: a wheel came off")
    assert len(told.splitlines()) == 1
    assert "Traceback" not in told
    monkeypatch.setenv("DEBUG", "1")
    assert cli.main(["score", *files]) == 2
    assert ("Traceback" in capsys.readouterr().err) == ("judge" not in place)


@pytest.mark.parametrize(
    ("seed", "words"), [("-1", "must be 0 or more, not '-1'"), ("x", "must be a whole number, 0 or more, not 'x'")]
)
def test_a_seed_that_cannot_be_used_is_refused_before_anything_is_read(capsys, seed, words):
    with pytest.raises(SystemExit) as raised:
        cli.main(["score", "--prompts", "none", "--responses", "none", "--seed", seed])
    assert raised.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: argument --seed: {words}\n")


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("prompts.jsonl", "prompts.jsonl: is a file; name a folder"),
        ("prompts.jsonl/a/b", "a/b: cannot be written to (Not a directory); name another folder"),
        ("/dev/null/a\nb", "--out /dev/null/a\\nb: cannot be written to (Not a directory); name another folder"),
        pytest.param("/proc", "--out /proc: cannot be written to (", marks=ON_LINUX),
        pytest.param("/proc/a", "--out /proc/a: cannot be written to (", marks=ON_LINUX),
    ],
)
def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_read(files, capsys, out, words):
    files["responses"].write_text("{")
    out = files["prompts"].parent / out
    assert cli.main(["score", "--prompts", "none", "--responses", "none", "--out", str(out)]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert words in said


@pytest.mark.parametrize("json_asked", [[], ["--json"]])
def test_a_folder_that_fails_at_the_end_costs_no_scores(files, tmp_path, capsys, json_asked):
    (tmp_path / "scores.json").mkdir()
    arguments = ["--prompts", files["prompts"], "--responses", files["responses"], "--out", tmp_path, *json_asked]
    assert cli.main(["score", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.err == f"error: --out {tmp_path}: cannot be written to (Is a directory); name another folder\n"
    assert ("prompt_level_strict_acc" if json_asked else "2 prompts, 3 instructions") in said.out
