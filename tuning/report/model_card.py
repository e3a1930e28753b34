"""The card of an exported model: its origin, its scores with intervals, and its limits.

In the format of the Hub (huggingface_hub.ModelCard), whose front matter tools read.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ifeval.scoring import ACCURACIES
from ifeval.tables import TITLES
from tuning.config import data_sets
from tuning.config.automatic import PROTOCOL
from tuning.config.params import Params
from tuning.config.references import split
from tuning.core.errors import UserError
from tuning.model.adapters import kind
from tuning.model.bundled_assets import HUB_ID, MODEL
from tuning.report.page import LIBRARIES, flat, library_versions

if TYPE_CHECKING:
    from huggingface_hub import ModelCard

SCORES, TRAIN = Path("data/report/scores.json"), Path("metrics/train.json")
TEMPLATE = Path(__file__).with_name("templates") / "model_card.md"
_SHOWN = (
    "tokenizer",
    "full_finetuning",
    "data",
    "model_config",
    "tokenizer_config",
    "quantization",
    "lora",
    "prompt_tuning",
    "train",
    "unlikelihood",
)


def card(params: Params, adapter: bool, ends: list[int]) -> "ModelCard":
    """The card of the model that the workspace's experiment trained.

    Args:
        adapter: whether only the adapter is exported.
        ends: the end tokens that users must name; none where the model's own files do.

    Raises:
        UserError: the experiment has not been scored.
    """
    from huggingface_hub import EvalResult, ModelCard, ModelCardData

    for path in (SCORES, TRAIN):
        if not path.is_file():
            raise UserError(f"{path} is not here, and the card states scores: run `dvc repro`, or `dvc pull`")
    scores, train = (json.loads(path.read_text(encoding="utf-8")) for path in (SCORES, TRAIN))
    base = HUB_ID if Path(params.model) == MODEL else params.model
    prompts = split(params.ifeval.prompts)[0]
    scored_on = _scored_on(prompts, scores["tuned"]["prompts"], params.generation.num_batches is None)
    trained_on = data_sets.names(params.dataset)
    data = ModelCardData(
        base_model=base if _is_hub_id(base) else None,
        datasets=[name for name in (split(each)[0] for each in trained_on) if _is_hub_id(name)] or None,
        library_name="peft" if adapter else "transformers",
        pipeline_tag="text-generation",
        tags=["ifeval", "instruction-following", kind(params).lower().replace(" ", "-")],
        model_name=f"{Path(base).name}-tuned",
        eval_results=[
            EvalResult(
                task_type="text-generation",
                dataset_type=scored_on[0],
                dataset_name=scored_on[1],
                metric_type=name,
                metric_value=round(100 * scores["tuned"][name], 2),
            )
            for name in ACCURACIES
        ],
    )
    return ModelCard.from_template(
        data,
        template_path=str(TEMPLATE),
        base=base,
        data_sets=trained_on,
        kind=kind(params),
        adapter=adapter,
        both=adapter and params.lora.enabled and params.prompt_tuning.enabled,
        ends=ends,
        settings=_settings(params, train.get("auto", {})),
        train=train,
        scores=scores,
        titles={name: TITLES[name] for name in ACCURACIES},
        prompts=prompts,
        max_new_tokens=params.generation.arguments["max_new_tokens"],
        versions=library_versions(LIBRARIES),
        seed=params.seed,
    )


def _scored_on(prompts: str, count: int, all_of_them: bool) -> tuple[str, str]:
    """Type and name of the data set that the front matter gives the scores to: google/IFEval only as a whole."""
    if prompts != PROTOCOL:
        return "ifeval", f"IFEval instructions, {Path(prompts).name}"
    return (prompts, "IFEval") if all_of_them else ("ifeval", f"IFEval, {count} prompts of {prompts}")


def _settings(params: Params, became: dict[str, Any]) -> dict[str, Any]:
    """The rows of the table of settings.

    Args:
        became: keys of ``train`` that are ``auto``, and what they became.
    """
    values = params.plain()
    values["train"] |= became
    unused = [name for name, value in values.items() if isinstance(value, dict) and value.get("enabled") is False]
    return flat({name: values[name] for name in _SHOWN if name not in unused})


def _is_hub_id(name: str) -> bool:
    """Whether a name is of the Hub: an owner and a name, and no file or folder here."""
    return name.count("/") == 1 and not name.startswith((".", "/")) and not Path(name).exists()
