"""Values of params.yaml that TRL and transformers refuse late: found before any weights are loaded."""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from tuning.core.errors import UserError
from tuning.model.adapters import AdapterSpec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from trl import SFTConfig

_OF_LAYERS = ("galore", "apollo", "lomo")  # optimizers that are made for a model's layers, and not for one number
_HEADS = ("lm_head", "embed_out", "output_layer")  # names of the layer that makes logits
_LOSSES = ("nll", "dft")
_METRICS = ("loss", "mean_token_accuracy", "entropy")  # of an evaluation


def check_values(config: "SFTConfig", adapter: AdapterSpec, tokenizer: "PreTrainedTokenizerBase", steps: int) -> None:
    """Looks for values that the trainer would refuse once the model is there, or once it trains.

    Args:
        steps: of the whole run.

    Raises:
        UserError: there is such a value.
    """
    if config.loss_type not in _LOSSES:
        raise UserError(f"params.yaml, 'train.loss_type' must be one of {', '.join(_LOSSES)}, not {config.loss_type!r}")
    if config.metric_for_best_model is not None or config.save_strategy == "best":
        best = str(config.metric_for_best_model).removeprefix("eval_")
        if best not in _METRICS:
            raise UserError(
                f"params.yaml, 'train.metric_for_best_model' must be one of {', '.join(_METRICS)}, not {best}"
            )
    targets = adapter.lora.target_modules if adapter.lora else None
    heads = [name for name in _HEADS if _is_target(name, targets)]
    if heads:
        raise UserError(
            f"params.yaml, 'lora.target_modules': the loss is computed from the weights of {heads[0]!r} directly, so "
            "an adapter of it would not be trained: remove it, or name it in 'lora.modules_to_save'"
        )
    for key in ("eos_token", "pad_token"):
        token = getattr(config, key, None)
        if token is not None and token not in tokenizer.get_vocab():
            raise UserError(f"params.yaml, 'train.{key}': {token!r} is not in the tokenizer's vocabulary")
    _check_optimizer(config)
    _check_schedule(config, steps)


def _is_target(name: str, targets: Collection[str] | str | None) -> bool:
    """Whether PEFT would give an adapter to a layer of this name at the top of a model; a text is a pattern."""
    if isinstance(targets, str):
        return re.fullmatch(targets, name) is not None
    return name in (targets or ())


def _check_optimizer(config: "SFTConfig") -> None:
    """Makes the optimizer for one number."""
    import torch
    from transformers import Trainer

    try:
        kind, options = Trainer.get_optimizer_cls_and_kwargs(config)
        if not any(name in config.optim for name in _OF_LAYERS):
            kind([torch.nn.Parameter(torch.zeros(1))], **options)
    except (ValueError, TypeError, ImportError) as error:
        given = f"'train.optim_args' ({config.optim_args})" if config.optim_args else f"'train.optim' ({config.optim})"
        raise UserError(f"params.yaml, {given}: {' '.join(str(error).split())}") from error


def _check_schedule(config: "SFTConfig", steps: int) -> None:
    """Makes the schedule of the learning rate for another optimizer, since it is made of any."""
    import torch
    from transformers import get_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=config.learning_rate)
    warmup = config.get_warmup_steps(steps)
    try:
        get_scheduler(config.lr_scheduler_type, optimizer, warmup, steps, config.lr_scheduler_kwargs)
    except (ValueError, TypeError) as error:
        given = f"'train.lr_scheduler_kwargs' with 'train.lr_scheduler_type' {config.lr_scheduler_type.value}"
        raise UserError(f"params.yaml, {given}: {' '.join(str(error).split())}") from error
