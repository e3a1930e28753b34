"""From verdicts to accuracies: strict and loose, at prompt and instruction level, by family and by type."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ifeval import intervals
from ifeval.instructions.base import Instruction
from ifeval.parameters import InstructionError, one_line, shown
from ifeval.records import Prompt
from ifeval.text import Text, loose_variants

ACCURACIES = (
    "prompt_level_strict_acc",
    "inst_level_strict_acc",
    "prompt_level_loose_acc",
    "inst_level_loose_acc",
)


@dataclass(frozen=True)
class Judgement:
    """Whether one instruction of one prompt was followed, and why, in words."""

    key: int | str
    index: int
    instruction_id: str
    strict: bool
    loose: bool
    reason: str

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


def judge(instructions: list[Instruction], response: str) -> list[tuple[bool, bool, str]]:
    """For each instruction: followed strictly, followed loosely, and the reason.

    A blank response follows nothing. Loosely, any of eight variants may follow (Zhou et al. 2023,
    section 2.2); they are made only when an instruction is not followed strictly.
    """
    text = Text(response)
    if text.blank:
        return [(False, False, "the response is blank")] * len(instructions)
    variants = None
    results = []
    for instruction in instructions:
        verdict = instruction.judge(text)
        if verdict.followed:
            results.append((True, True, verdict.reason))
            continue
        variants = loose_variants(text) if variants is None else variants
        without = next((name for name, variant in variants if instruction.judge(variant).followed), None)
        loosely = f"; followed without {without}" if without else ""
        results.append((False, without is not None, verdict.reason + loosely))
    return results


def judge_all(prompts: list[Prompt], responses: dict[int | str, str]) -> list[Judgement]:
    """A judgement for every instruction, in the order of the prompts; a missing response follows nothing."""
    judgements = []
    for prompt in prompts:
        if prompt.key in responses:
            try:
                results = judge(prompt.instructions, responses[prompt.key])
            except InstructionError as error:  # a pattern that only now turns out to be of no use
                raise InstructionError(f"{_place(prompt)}: {error}") from None
            except Exception as error:
                words = one_line(" ".join(f"{type(error).__name__}: {error}".split()))
                raise InstructionError(f"{_place(prompt)}: {words}") from error
        else:
            results = [(False, False, "there is no response")] * len(prompt.instructions)
        for index, (instruction, result) in enumerate(zip(prompt.instructions, results, strict=True)):
            judgements.append(Judgement(prompt.key, index, instruction.id, *result))
    return judgements


def _place(prompt: Prompt) -> str:
    return prompt.where or f"prompt {shown(prompt.key)}"


def score(judgements: list[Judgement], seed: int = 0) -> dict[str, Any]:
    """The scores of one set of responses.

    Args:
        judgements: of all instructions of all prompts, those of one prompt in a row.
        seed: of the bootstrap.

    Returns:
        ``prompts`` and ``instructions`` (counts), the four accuracies as fractions, each with its
        95 % interval ``_ci95`` by bootstrap over prompts, then ``by_family`` and ``by_type``, both
        micro averages over instructions.
    """
    counts = _per_prompt(judgements)
    scores: dict[str, Any] = {"prompts": len(counts), "instructions": len(judgements)}
    for name in ACCURACIES:
        followed, asked = intervals.columns(counts, name)
        scores[name] = sum(followed) / sum(asked)
        scores[f"{name}_ci95"] = intervals.ratio_interval(followed, asked, seed)
    scores["by_family"] = _by(judgements, lambda judgement: judgement.instruction_id.split(":")[0])
    scores["by_type"] = _by(judgements, lambda judgement: judgement.instruction_id)
    return scores


def difference(base: list[Judgement], other: list[Judgement], seed: int = 0) -> dict[str, Any]:
    """The paired difference of two sets of responses to the same prompts, tuned minus base.

    Returns:
        for each accuracy the difference, its 95 % interval by paired bootstrap over prompts, and at
        prompt level the exact two-sided p-value of McNemar's test.

    Raises:
        ValueError: the two do not judge the same instructions in the same order.
    """
    if [(j.key, j.index, j.instruction_id) for j in base] != [(j.key, j.index, j.instruction_id) for j in other]:
        raise ValueError("the two sets of judgements are not about the same prompts")
    before, after = _per_prompt(base), _per_prompt(other)
    result: dict[str, Any] = {}
    for name in ACCURACIES:
        old, asked = intervals.columns(before, name)
        new, _ = intervals.columns(after, name)
        result[name] = (sum(new) - sum(old)) / sum(asked)
        result[f"{name}_ci95"] = intervals.ratio_interval([b - a for a, b in zip(old, new, strict=True)], asked, seed)
        if name.startswith("prompt"):
            result[f"{name}_mcnemar_p"] = intervals.mcnemar(old, new)
    return result


def mean_of_four(judgements: list[Judgement], seed: int = 0, base: list[Judgement] | None = None) -> dict[str, Any]:
    """The mean of the four accuracies, which some leaderboards show as one number.

    Args:
        judgements: as for ``score``.
        seed: of the bootstrap.
        base: judgements of other responses to the same prompts; given, the difference from these is returned.

    Returns:
        ``mean_acc``, a fraction, and its 95 % interval ``mean_acc_ci95``, by (paired) bootstrap over prompts.
    """
    after, before = _per_prompt(judgements), _per_prompt(base or [])
    ratios = []
    for name in ACCURACIES:
        followed, asked = intervals.columns(after, name)
        if before:
            old, _ = intervals.columns(before, name)
            followed = [new - was for new, was in zip(followed, old, strict=True)]
        ratios.append((followed, asked))
    mean = sum(sum(followed) / sum(asked) for followed, asked in ratios) / len(ratios)
    return {"mean_acc": mean, "mean_acc_ci95": intervals.mean_interval(ratios, seed)}


def _per_prompt(judgements: Iterable[Judgement]) -> list[dict[str, int]]:
    """For each prompt: instructions asked, followed strictly, followed loosely."""
    counts: dict[int | str, dict[str, int]] = {}
    for judgement in judgements:
        row = counts.setdefault(judgement.key, {"asked": 0, "strict": 0, "loose": 0})
        row["asked"] += 1
        row["strict"] += judgement.strict
        row["loose"] += judgement.loose
    return list(counts.values())


def _by(judgements: list[Judgement], group) -> dict[str, dict[str, float]]:
    groups: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        groups.setdefault(group(judgement), []).append(judgement)
    return {
        name: {
            "instructions": len(members),
            "strict_acc": sum(member.strict for member in members) / len(members),
            "loose_acc": sum(member.loose for member in members) / len(members),
        }
        for name, members in sorted(groups.items())
    }
