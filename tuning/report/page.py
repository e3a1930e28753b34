"""The report of a run: its parameters, its scores, and every response with the reason for every verdict.

One self-contained HTML file. It holds results only, no measurements of the machine, so that equal results give an equal
page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ifeval.records import Prompt
from ifeval.scoring import ACCURACIES, Judgement
from ifeval.tables import TITLES

TEMPLATES = Path(__file__).with_name("templates")
LIBRARIES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets", "accelerate", "nltk", "langdetect")
OUTCOMES = {
    (False, True): "fixed",
    (True, False): "broken",
    (False, False): "still failing",
    (True, True): "followed by both",
}


@dataclass(frozen=True)
class Verdict:
    """One instruction of one prompt, as base and tuned follow it; ``outcome`` is one of ``OUTCOMES``."""

    instruction_id: str
    outcome: str
    base: Judgement
    tuned: Judgement


@dataclass(frozen=True)
class Answered:
    """A prompt with both responses and their verdicts."""

    key: int | str
    prompt: str
    base: str
    tuned: str
    verdicts: list[Verdict]

    @property
    def outcomes(self) -> list[str]:
        return [name for name in OUTCOMES.values() if any(verdict.outcome == name for verdict in self.verdicts)]


@dataclass(frozen=True)
class Curve:
    """A line through ``points`` (x, y), scaled into a box, as SVG wants it."""

    name: str
    points: str
    first: float
    last: float
    steps: int


def page(
    params: dict[str, Any],
    scores: dict[str, Any],
    rows: list[Answered],
    curves: list[Curve],
    numbers: dict[str, dict[str, Any]],
) -> bytes:
    """The page as UTF-8; texts of models and data sets are escaped.

    Args:
        params: the parameters of the run, by section.
        scores: ``base`` and ``tuned`` of ``ifeval.scoring.score`` and their ``difference``.
        curves: losses.
        numbers: by heading, counts of rows, tokens and the like.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda value: f"{100 * value:.1f}"
    environment.filters["points"] = lambda value: f"{100 * value:+.1f}"
    outcomes = [verdict.outcome for row in rows for verdict in row.verdicts]
    text = environment.get_template("report.html").render(
        params=params,
        settings=flat(params),
        scores=scores,
        titles={name: TITLES[name] for name in ACCURACIES},
        rows=rows,
        counts={name: outcomes.count(name) for name in OUTCOMES.values()},
        types=list(scores["tuned"]["by_type"]),
        curves=curves,
        numbers=numbers,
        versions=library_versions(LIBRARIES),
    )
    return text.encode("utf-8", "backslashreplace")  # a response may hold lone surrogates


def answered(
    prompts: list[Prompt],
    responses: dict[str, dict[int | str, str]],
    base: list[Judgement],
    tuned: list[Judgement],
) -> list[Answered]:
    """The prompts with their responses, by ``base`` and ``tuned``, and verdicts, in the prompts' order."""
    verdicts: dict[int | str, list[Verdict]] = {prompt.key: [] for prompt in prompts}
    for before, after in zip(base, tuned, strict=True):
        outcome = OUTCOMES[before.strict, after.strict]
        verdicts[before.key].append(Verdict(before.instruction_id, outcome, before, after))
    return [
        Answered(
            prompt.key,
            prompt.prompt,
            responses["base"].get(prompt.key, ""),
            responses["tuned"].get(prompt.key, ""),
            verdicts[prompt.key],
        )
        for prompt in prompts
    ]


def curve(name: str, points: list[tuple[float, float]], width: int = 480, height: int = 160) -> Curve | None:
    """A curve that fills a box of that size, its axis of losses from zero; None without points."""
    if not points:
        return None
    right, top = max(x for x, _ in points) or 1, max(y for _, y in points) or 1
    scaled = (f"{width * x / right:.1f},{height * (1 - y / top):.1f}" for x, y in points)
    return Curve(name, " ".join(scaled), points[0][1], points[-1][1], int(points[-1][0]))


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """The versions that are installed."""
    return {name: version(name) for name in names}


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, keys joined by dots."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found.update(flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return found
