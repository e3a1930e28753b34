"""The command line: ``score`` two files, ``list`` the instruction types, ``check`` one response."""

import argparse
import io
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from ifeval import tables
from ifeval.instructions import INSTRUCTIONS, build
from ifeval.instructions.bounds import plural
from ifeval.jsonl import RecordError, dump_line, named
from ifeval.parameters import InstructionError, one_line, shown
from ifeval.records import read_prompts, read_responses
from ifeval.scoring import Judgement, difference, judge, judge_all, score
from ifeval.thoughts import has_thoughts, without_thoughts


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0, or 2 where the input cannot be used."""
    arguments = _parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a response may hold what no terminal can show
    try:
        return arguments.command(arguments)
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except (RecordError, InstructionError, OSError, ModuleNotFoundError) as error:
        print(f"error: {one_line(error, most=10_000)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # of a library; what is wrong with the input is told above
        if os.environ.get("DEBUG") == "1":
            traceback.print_exc()
        words = one_line(" ".join(f"{type(error).__name__}: {error}".split()), most=1000)
        print(f"error: {words} (DEBUG=1 in the environment shows where)", file=sys.stderr)
        return 2


def _score(arguments: argparse.Namespace) -> int:
    if [arguments.prompts, arguments.responses, arguments.baseline].count("-") > 1:
        raise RecordError("only one of the files can be '-', standard input")
    out = _made(arguments.out) if arguments.out else None  # now, since judging may take minutes
    prompts = read_prompts(arguments.prompts)

    def judged(path: str) -> tuple[list[Judgement], dict[str, Any]]:
        responses = read_responses(path, prompts, arguments.allow_missing)
        if arguments.strip_thoughts:
            responses = {key: without_thoughts(response) for key, response in responses.items()}
        elif thinking := sum(map(has_thoughts, responses.values())):
            print(
                f"warning: {named(path)}: {thinking} of {len(responses)} responses begin with thoughts, up to "
                "</think>, and are judged with them; --strip-thoughts leaves them out",
                file=sys.stderr,
            )
        judgements = judge_all(prompts, responses)
        return judgements, {**score(judgements, arguments.seed), "missing": len(prompts) - len(responses)}

    judgements, scores = judged(arguments.responses)
    baseline = paired = None
    if arguments.baseline:
        base_judgements, baseline = judged(arguments.baseline)
        paired = difference(base_judgements, judgements, arguments.seed)
    result = scores if baseline is None else {**scores, "baseline": baseline, "difference": paired}
    try:
        if out:
            write_results(out, result, judgements)
    except OSError as error:
        raise _unwritable(out, error) from None
    finally:  # a full disk costs no scores
        print(json.dumps(result, indent=2) if arguments.json else _tables(scores, baseline, paired))
    return 0


def _tables(scores: dict[str, Any], baseline: dict[str, Any] | None, paired: dict[str, Any] | None) -> str:
    lines = [f"{plural(scores['prompts'], 'prompt')}, {plural(scores['instructions'], 'instruction')}"]
    for noun, part in (("response", scores), ("baseline response", baseline)):
        if part and part["missing"]:
            lines.append(f"{plural(part['missing'], noun)} missing, counted as not followed")
    lines += ["", tables.score_table(scores, baseline, paired), "", tables.type_table(scores, baseline)]
    return "\n".join(lines)


def _made(out: str) -> Path:
    """The folder of ``--out``, made and tried.

    Raises:
        RecordError: it cannot be made, or nothing can be written into it.
    """
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(out: Path, error: OSError) -> RecordError:
    told = f"--out {one_line(out, most=4096)}:"
    if isinstance(error, FileExistsError):
        return RecordError(f"{told} is a file; name a folder")
    return RecordError(f"{told} cannot be written to ({error.strerror}); name another folder")


def write_results(folder: Path, scores: dict[str, Any], judgements: list[Judgement]) -> None:
    """Writes ``scores.json`` and ``verdicts.jsonl`` into the folder; creates it if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    (folder / "verdicts.jsonl").write_bytes(b"".join(dump_line(judgement.as_row()) for judgement in judgements))


def _list(arguments: argparse.Namespace) -> int:
    for name, cls in sorted(INSTRUCTIONS.items()):
        print(name)
        print(f"    {cls.__doc__.strip().splitlines()[0]}")
        for key, parameter in cls.parameters.items():
            print(f"    {key}: {parameter.kind}")
        example = {key: parameter.example for key, parameter in cls.parameters.items()}
        print(f"    example: --id {name} --kwargs '{json.dumps(example, ensure_ascii=False)}'\n")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    try:
        kwargs = json.loads(arguments.kwargs)
    except (ValueError, RecursionError) as error:
        raise InstructionError(f"--kwargs is not JSON ({one_line(error)}): {shown(arguments.kwargs)}") from None
    response = _standard_input() if arguments.response == "-" else arguments.response
    ((strict, loose, reason),) = judge([build(arguments.id, kwargs)], response)
    print(f"strict: {'followed' if strict else 'not followed'}")
    print(f"loose: {'followed' if loose else 'not followed'}")
    print(f"reason: {reason}")
    return 0


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecordError(f"standard input is not UTF-8 ({error.reason}); save it as UTF-8") from None


def _seed(text: str) -> int:
    """A seed as numpy takes one."""
    try:
        seed = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, 0 or more, not {shown(text)}") from None
    if seed < 0:
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {shown(text)}")
    return seed


def _parser() -> argparse.ArgumentParser:
    program = "ifeval" if Path(sys.argv[0]).stem == "ifeval" else "python -m ifeval"
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="score | list | check")

    scoring = commands.add_parser("score", help="score a file of responses")
    scoring.set_defaults(command=_score)
    scoring.add_argument("--prompts", required=True, help="JSONL with key, prompt, instruction_id_list, kwargs")
    scoring.add_argument("--responses", required=True, help="JSONL with key or prompt, and response; - reads stdin")
    scoring.add_argument("--baseline", help="a second file of responses to compare with, prompt by prompt")
    scoring.add_argument("--out", metavar="DIR", help="write scores.json and verdicts.jsonl into this folder")
    scoring.add_argument("--json", action="store_true", help="print scores.json instead of the tables")
    scoring.add_argument("--allow-missing", action="store_true", help="a missing response counts as not followed")
    scoring.add_argument("--strip-thoughts", action="store_true", help="judge responses without <think>...</think>")
    scoring.add_argument("--seed", type=_seed, default=0, help="of the bootstrap (default 0)")

    listing = commands.add_parser("list", help="show the instruction types and their kwargs")
    listing.set_defaults(command=_list)

    checking = commands.add_parser("check", help="judge one response")
    checking.set_defaults(command=_check)
    checking.add_argument("--id", required=True, help="instruction id, such as punctuation:no_comma")
    checking.add_argument("--kwargs", default="{}", help="JSON object (default {})")
    checking.add_argument("--response", required=True, help="the text; - reads standard input")
    return parser
