"""Turns the data set and the evaluation prompts into the files that the other stages read."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tuning.config.declared import declared
from tuning.config.params import Params, read_params
from tuning.core.command import run, without_arguments
from tuning.core.errors import UserError, doing
from tuning.core.files import check_outputs, write_bytes, write_json, write_jsonl
from tuning.core.paths import COMMITS
from tuning.core.unfinished_work import remove, unfinished_work
from tuning.data import contamination, evaluation_prompts, instruction_rows, mixing, origins, own_answers, schemas
from tuning.data.instruction_rows import Treated
from tuning.data.rows import Counts, Row, sample, summary
from tuning.model import commits
from tuning.model.chat_template import has_own_template, load_tokenizer, row_tokens

PREPARED = Path("data/prepared")
FILES = ("train.jsonl", "validation.jsonl", "prompts.jsonl", "sample.md")
METRICS = Path("metrics/data.json")
ANSWER_TOKENS = 96  # newly generated answers of the model to plain requests
FOLLOWING_TOKENS = 192  # newly generated answers to requests with instructions
MOST_CHARACTERS = 10_000_000  # of a row where train.max_length is null: its tokens take 2 GB while they are made
# Keys that say which requests the model answers, and not how: answers are kept by the requests themselves.
WITHOUT = ("dataset", "data", "ifeval.prompts", "train.max_length")


def main() -> None:
    params = read_params()
    check_outputs([METRICS, COMMITS, *(PREPARED / name for name in FILES)])
    types = instruction_rows.chosen_types(params.data.instructions.types)
    of_model = commits.current(params)
    params = commits.pinned(params, of_model)
    sources = [source.pinned() for source in mixing.sources(params.dataset, params.data.columns)]
    prompts = origins.pinned(origins.origin(params.ifeval.prompts, key="ifeval.prompts"))
    with doing(f"reading the prompts of {params.ifeval.prompts}"):
        evaluation = evaluation_prompts.read(prompts)
    tokenizer = load_tokenizer(params)
    distils = params.data.self_distill
    if distils == "auto":
        distils = has_own_template(params, tokenizer)
    folder = unfinished_work("prepare", declared("prepare", WITHOUT), of_model)
    preparation, counts = Preparation(params, tokenizer, distils, folder), Counts()

    parts = [(clean(source, preparation, counts), source.weight) for source in sources]
    tell_of_shares(sources, parts)
    rows = without_repetitions(mixing.mix(parts, params.seed), counts)
    rows = decontaminated(rows, evaluation, preparation, counts)
    train, validation = split(rows, params.data.num_val, params.seed)
    own = answered_by_the_model(train, preparation)
    counts.own_answers = len(own)
    with doing("writing instructions into the rows"):
        treated = list(
            instruction_rows.treat_all([*train, *own], types, params.data.instructions, params.seed, counts.lost)
        )
    treated, counts.followed_by_itself = followed_by_the_model(treated, preparation)
    train = decontaminated(instructed(treated, preparation, counts), evaluation, preparation, counts, treated=True)
    if not train:
        hint = "set 'data.instructions.keep_untouched' to true, or 'data.instructions.max_words' higher"
        raise UserError(f"dataset: no row is left to train on; {hint}")

    write_jsonl(PREPARED / "train.jsonl", (row.as_json() for row in train))
    write_jsonl(PREPARED / "validation.jsonl", (row.as_json() for row in validation))
    write_jsonl(PREPARED / "prompts.jsonl", evaluation)
    write_bytes(PREPARED / "sample.md", sample(train, params.seed).encode())
    write_json(COMMITS, of_model)
    of_hub = commits_on_the_hub(of_model, [source.origin for source in sources], prompts)
    write_json(METRICS, summary(train, validation, evaluation, counts) | of_hub)
    remove(folder)
    print(f"{len(train)} rows to train on, {len(validation)} to validate, {len(evaluation)} prompts to evaluate")
    print(
        ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in counts.dropped.items()) + " rows dropped"
    )


@dataclass(frozen=True)
class Preparation:
    """What rows are prepared with.

    Attributes:
        distils: whether the model answers requests itself.
        folder: for the model's answers so far.
    """

    params: Params
    tokenizer: Any
    distils: bool
    folder: Path

    def row(self, place: str, prompt: list, completion: list, types: Iterable[str] = ()) -> Row:
        """A row with its tokens."""
        return Row(place, prompt, completion, row_tokens(self.tokenizer, prompt, completion), tuple(types))

    def too_long(self, row: Row) -> bool:
        """Whether a row is dropped because it is too long; with ``over_length: truncate`` none is."""
        longest = self.params.train.arguments.get("max_length")
        drops = self.params.data.over_length == "drop" and longest is not None
        return drops and len(row.tokens.prompt) + len(row.tokens.completion) > longest

    def shortened(self, place: str, conversation: schemas.Conversation) -> schemas.Conversation | None:
        """A conversation without what is far beyond ``train.max_length``; None where it is to be dropped for it.

        No tokenizer makes so many characters short enough, and the tokens of a text of 20 MB take gigabytes while
        they are made.

        Raises:
            UserError: it is far beyond what any model reads, and ``train.max_length`` sets no limit.
        """
        longest = self.params.train.arguments.get("max_length")
        most = MOST_CHARACTERS if longest is None else max(1_000_000, 256 * longest)
        turns = conversation.prompt + conversation.completion
        characters = sum(len(turn["content"]) for turn in turns)
        if characters <= most:
            return conversation
        if longest is None:
            raise UserError(
                f"{place}: this row has {characters:,} characters, too many to keep whole: set 'train.max_length', "
                "beyond which rows are dropped or, with 'data.over_length: truncate', cut"
            )
        if self.params.data.over_length == "drop":
            return None
        cut = [turn | {"content": turn["content"][:most]} for turn in turns]
        return schemas.Conversation(cut[:-1], cut[-1:])


def clean(source: mixing.Source, preparation: Preparation, counts: Counts) -> list[Row]:
    """The rows of one data set without empty, repeated, unusable and, unless they are to be truncated, too long ones.

    Raises:
        UserError: the data set cannot be read, ``data.on_error`` stops at a row that cannot be used, or none is left.
    """
    rows: list[Row] = []
    seen: set[bytes] = set()
    before = counts.dropped.copy()
    stops = schemas.stops_at_errors(source.origin, preparation.params.data.on_error)
    found = schemas.read(source.origin, source.columns, stops, counts.drop)
    for place, conversation in tqdm(found, desc="prepare", unit=" rows"):
        if conversation is None:
            continue
        if (digest := sha256(repr(conversation).encode()).digest()) in seen:
            counts.dropped["duplicate"] += 1
            continue
        seen.add(digest)
        conversation = preparation.shortened(place, conversation)
        if conversation is None:
            counts.dropped["over_length"] += 1
            continue
        try:
            row = preparation.row(place, conversation.prompt, conversation.completion, conversation.types)
        except Exception as error:  # of the template or the tokenizer
            problem = f"{place}: the model's chat template or tokenizer refuses it: {' '.join(str(error).split())}"
            if stops:
                raise UserError(f"{problem}; 'data.on_error: drop' goes on without such rows") from error
            counts.drop("refused_by_template", problem)
            continue
        if preparation.too_long(row):
            counts.dropped["over_length"] += 1
            continue
        rows.append(row)
    if not rows:
        reasons = ", ".join(f"{count} {reason}" for reason, count in (counts.dropped - before).items()) or "it has none"
        raise UserError(f"dataset: no row of {source.name} is left to train on ({reasons.replace('_', ' ')})")
    return rows


def without_repetitions(rows: list[Row], counts: Counts) -> list[Row]:
    """The first of each row that stands in several data sets."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(repr((row.prompt, row.completion)), row)
    counts.dropped["duplicate"] += len(rows) - len(found)
    return list(found.values())


def tell_of_shares(sources: list[mixing.Source], parts: list[tuple[list[Row], float]]) -> None:
    """Prints how many rows of each data set of a list are in the mix.

    Raises:
        UserError: one of them has so little weight that none is.
    """
    for source, (rows, _), count in zip(sources, parts, mixing.shares(parts), strict=True):
        if not count:
            problem = f"with these weights the mix has none of the {len(rows)} rows of {source.name}"
            raise UserError(f"dataset: {problem}: give it a greater weight, or leave it out")
        if len(parts) > 1:
            print(f"mix: {count} of {len(rows)} rows of {source.name}")


def decontaminated(
    rows: list[Row], evaluation: list[dict[str, Any]], preparation: Preparation, counts: Counts, treated: bool = False
) -> list[Row]:
    """The rows in which the user says nothing that an evaluation prompt says, if ``data.decontaminate`` says so.

    Args:
        treated: whether rows without instructions have been looked at before.
    """
    said = (contamination.said(row.prompt) for row in rows)
    matches = contamination.find(said, ((prompt["key"], prompt["prompt"]) for prompt in evaluation))
    matches = [match for match in matches if rows[match.row].types or not treated]
    for match in matches:
        place = rows[match.row].place
        counts.overlaps.setdefault(place, f"{place}: prompt {match.key}, {match.kind}: {match.words}")
    if not preparation.params.data.decontaminate:
        return rows
    counts.dropped["contaminated"] += len(matches)
    overlapping = {match.row for match in matches}
    return [row for index, row in enumerate(rows) if index not in overlapping]


def split(rows: list[Row], num_val: int, seed: int) -> tuple[list[Row], list[Row]]:
    """Rows for training and for validation, each in the data set's order; the seed draws the latter."""
    if len(rows) <= num_val:
        raise UserError(f"dataset: {len(rows)} usable rows, but 'data.num_val' keeps {num_val} of them for validation")
    chosen = set(random.Random(seed).sample(range(len(rows)), num_val))
    train = [row for index, row in enumerate(rows) if index not in chosen]
    return train, [rows[index] for index in sorted(chosen)]


def answered_by_the_model(rows: list[Row], preparation: Preparation) -> list[Row]:
    """With ``data.self_distill``, further rows: the same requests, answered by the base model."""
    if not preparation.distils:
        return []
    asked = [row for row in rows if not row.types and not instruction_rows.is_foreign(row.completion[-1]["content"])]
    answers = ask([row.prompt for row in asked], preparation, ANSWER_TOKENS)
    return [
        preparation.row(f"{row.place}, own answer", row.prompt, [{"role": "assistant", "content": answer}])
        for row, answer in zip(asked, answers, strict=True)
        if answer
    ]


def followed_by_the_model(
    treated: list[tuple[Row, Treated | None]], preparation: Preparation
) -> tuple[list[tuple[Row, Treated | None]], int]:
    """With ``data.self_distill``, the base model answers requests whose instructions only count things.

    Where its answer passes all checks, the answer becomes the completion, so that training keeps what the model can
    do already. Returns the rows and how often the answer passed.
    """
    asked = [result for _, result in treated if result and result.only_counts]
    if not preparation.distils or not asked:
        return treated, 0
    answers = ask([result.prompt for result in asked], preparation, FOLLOWING_TOKENS)
    own = {
        id(result): replace(result, completion=[{"role": "assistant", "content": answer}])
        for result, answer in zip(asked, answers, strict=True)
        if answer and result.is_followed_by(answer)
    }
    return [(row, own.get(id(result), result)) for row, result in treated], len(own)


def ask(prompts: list, preparation: Preparation, new_tokens: int) -> list[str | None]:
    """The base model's own answers; None where one cannot be used."""
    params = preparation.params
    with doing(f"answering requests with {params.model}; finished answers are kept"):
        return own_answers.own_answers(prompts, preparation.tokenizer, params, preparation.folder, new_tokens)


def instructed(treated: list[tuple[Row, Treated | None]], preparation: Preparation, counts: Counts) -> list[Row]:
    """The rows to train on, some of them with verifiable instructions."""
    found = []
    for row, result in treated:
        if result is not None:
            row = preparation.row(row.place, result.prompt, result.completion, result.types)
            if preparation.too_long(row):
                counts.dropped["over_length"] += 1
                continue
        found.append(row)
    return found


def commits_on_the_hub(of_model: commits.Commits, rows: list[origins.Origin], prompts: origins.Origin) -> dict:
    """The entry ``hub`` of metrics/data.json: what comes from the Hub, at which commits; empty where nothing does."""
    found: dict[str, Any] = {role: {key: each[key] for key in ("name", "commit")} for role, each in of_model.items()}
    if of_rows := [each for each in map(origins.commit, rows) if each]:
        found["dataset"] = of_rows
    if of_prompts := origins.commit(prompts):
        found["prompts"] = of_prompts
    return {"hub": found} if found else {}


if __name__ == "__main__":
    run(without_arguments(main), lock="prepare")
