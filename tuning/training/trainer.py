"""TRL's SFTTrainer on prepared rows: how it is configured, what it is given, and what it tells afterwards."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuning.config.params import Params
from tuning.core.errors import UserError
from tuning.model.adapters import AdapterSpec, parameter_counts
from tuning.model.architectures import name_soft_cap
from tuning.model.chat_template import row_tokens
from tuning.model.device import device, leave_out_cudnn_attention
from tuning.model.model_spec import ModelSpec
from tuning.training import settings

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase
    from trl import SFTConfig, SFTTrainer

# On a CPU, oneDNN multiplies bfloat16 matrices and caches compiled code for each matrix size, half a MiB or more,
# without a limit. With batches of every length this took 4 GiB in 800 steps of the starter model. Padding to a multiple
# keeps the number of sizes small.
CPU_MULTIPLE = 8


def training_config(
    params: Params, spec: ModelSpec, adapter: AdapterSpec, folder: Path, validates: bool = True
) -> "SFTConfig":
    """The section ``train`` as TRL's configuration, with what follows from the device and the data.

    Args:
        folder: for checkpoints.
        validates: whether there are rows to validate on.

    Raises:
        UserError: TRL or transformers refuse the values, or TRL cannot use them with the model.
    """
    from trl import SFTConfig

    options = {
        "dataloader_pin_memory": spec.device == "cuda",
        "use_cpu": device() == "cpu",
        "ddp_find_unused_parameters": False,
        **settings.resolved(params.train.arguments, params.train.effective_batch_size, spec, adapter),
        "logging_nan_inf_filter": False,  # a loss that is not finite ends the run, and is not to be hidden
    }
    half = options.get("bf16") or spec.dtype.itemsize == 2
    if spec.device == "cpu" and half:
        options.setdefault("pad_to_multiple_of", CPU_MULTIPLE)
    text = spec.config.get_text_config()
    if hasattr(text, "output_router_logits"):
        balances = hasattr(text, "num_experts")  # TRL's loss of the routers' balance asks the configuration for it
        if options.get("router_aux_loss_coef") and not balances:
            problem = f"TRL cannot balance the experts of {spec.name}, whose config.json has no num_experts"
            raise UserError(f"'train.router_aux_loss_coef': {problem}: leave it out")
        if not (adapter.whole and balances):
            options.setdefault("router_aux_loss_coef", 0.0)  # beside adapters, routers learn nothing
    if spec.quantization and spec.quantization.load_in_8bit:
        # Else checkpointing saves little: bitsandbytes' products keep their inputs where it does not see them.
        options.setdefault("gradient_checkpointing_kwargs", {"use_reentrant": True})
    if not validates:
        options.update(eval_strategy="no", eval_on_start=False)
    try:
        return SFTConfig(
            output_dir=str(folder),
            seed=params.seed,
            report_to="none",
            include_num_input_tokens_seen="non_padding",
            **options,
        )
    except (ValueError, TypeError, ImportError) as error:
        raise UserError(f"params.yaml, section 'train': {' '.join(str(error).split())}") from error


def encode(
    rows: list[dict[str, Any]], tokenizer: "PreTrainedTokenizerBase", limit: int | None = None, whole: bool = False
) -> "Dataset":
    """The rows as token ids with labels, in which the prompt is masked, unless ``whole`` rows are to be learnt.

    A row of which nothing is left to learn within ``limit`` tokens is left out: in a batch of such rows the loss,
    a mean over no token, is not a number.
    """
    from datasets import Dataset

    encoded = []
    for row in rows:
        tokens = row_tokens(tokenizer, row["prompt"], row["completion"])
        masked = tokens.prompt if whole else [-100] * len(tokens.prompt)
        labels = masked + tokens.completion
        if any(label != -100 for label in labels[1:limit]):  # the first token is predicted from nothing
            encoded.append({"input_ids": tokens.prompt + tokens.completion, "labels": labels})
    if left_out := len(rows) - len(encoded):
        print(f"train: {left_out} of {len(rows)} rows left out: their prompts alone have {limit} tokens or more")
    if rows and not encoded:
        raise UserError(f"no row has a completion within 'train.max_length', {limit} tokens: set it higher")
    return Dataset.from_list(encoded)


def make_trainer(
    model,
    tokenizer,
    config: "SFTConfig",
    train: "Dataset",
    validation: "Dataset",
    kind: "type[SFTTrainer] | None" = None,
) -> "SFTTrainer":
    """The trainer of an encoded data set; without rows to validate on, it evaluates nothing.

    Args:
        kind: None: TRL's, or what is faster and computes the same.

    Raises:
        UserError: TRL refuses the values together with the model, or its loss is not of the model's logits.
    """
    from trl import SFTTrainer

    from tuning.training.cpu import faster_steps
    from tuning.training.lora_inputs import UncastInputs
    from tuning.training.loss_check import check_loss
    from tuning.training.progress import show_progress

    leave_out_cudnn_attention()
    name_soft_cap(model.config)
    on_cpu = device() == "cpu"
    try:
        trainer = (kind or (faster_steps.trainer_class(model, config) if on_cpu else SFTTrainer))(
            model=model,
            args=config,
            processing_class=tokenizer,
            train_dataset=train,
            eval_dataset=validation if len(validation) else None,
        )
    except (ValueError, TypeError, ImportError, NotImplementedError) as error:
        raise UserError(f"params.yaml, section 'train': {' '.join(str(error).split())}") from error
    if on_cpu:
        faster_steps.apply(model, config)
    check_loss(trainer, model.config.name_or_path)
    if config.bf16 or config.fp16:
        trainer.add_callback(UncastInputs())
    show_progress(trainer)
    return trainer


def gathered(trainer: "SFTTrainer") -> dict[str, Any] | None:
    """The full weights, gathered where FSDP or ZeRO shards them; None where each process has them anyway."""
    if not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        return None
    return trainer.accelerator.get_state_dict(trainer.deepspeed or trainer.model)


def metrics(trainer: "SFTTrainer", lengths: list[int]) -> dict[str, Any]:
    """What metrics/train.json holds; losses are means over tokens, in nats, those of validation of completions only.

    Args:
        lengths: tokens of each row to train on.
    """
    state, limit = trainer.state, trainer.args.max_length or math.inf
    result = {
        "train_loss": mean_loss(trainer),
        "steps": state.global_step,
        "epochs": state.epoch,
        "tokens": int(state.num_input_tokens_seen),
        "trainable_parameters": parameter_counts(trainer.model)[0],
        "longest_row_tokens": min(max(lengths), limit),
        "rows_truncated": sum(length > limit for length in lengths),
    }
    if trainer.eval_dataset is not None:
        result["validation_loss"] = validation_loss(trainer)
        if before := _logged(state, "eval_loss", 0):  # train.eval_on_start
            result["validation_loss_before"] = before[0]
    return result


def validation_loss(trainer: "SFTTrainer") -> float:
    """The loss of the validation rows after the last step, or after the best, where its weights were loaded again."""
    state = trainer.state
    step = state.global_step
    if trainer.args.load_best_model_at_end and state.best_model_checkpoint:
        step = int(state.best_model_checkpoint.rpartition("-")[2])
    if not _logged(state, "eval_loss", step):
        trainer.evaluate()
        step = state.global_step
    return _logged(state, "eval_loss", step)[-1]


def mean_loss(trainer: "SFTTrainer") -> float:
    """The mean of the steps' losses: TrainOutput's ``training_loss``, but over all of the run.

    The trainer's own is of the steps since the run was last resumed.
    """
    return trainer._total_loss_scalar / trainer.state.global_step


def _logged(state, name: str, step: int | None = None) -> list[float]:
    """The values that the trainer logged under a name, at one step or at any."""
    return [entry[name] for entry in state.log_history if name in entry and step in (None, entry["step"])]
