"""Which model is loaded and how: decided once, when a stage starts, and passed on."""

import copy
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tuning.config.params import Params
from tuning.core.errors import UserError
from tuning.model.architectures import Architecture, architecture
from tuning.model.device import device
from tuning.model.faults import check_kind
from tuning.model.hub import borrow, explain

if TYPE_CHECKING:
    import torch
    from transformers import BitsAndBytesConfig, PreTrainedConfig, PreTrainedTokenizerBase

# Arguments of from_pretrained that say where a model is found; those that its configuration takes too.
_WHERE = ("cache_dir", "local_files_only", "revision", "subfolder", "token", "trust_remote_code")


@dataclass(frozen=True)
class ModelSpec:
    """A base model as it is loaded.

    Attributes:
        name: a Hub id or a local folder.
        config: the model's own configuration.
        device: ``cuda``, ``mps`` or ``cpu``.
        dtype: of weights that are not quantized.
        bitsandbytes: how weights are quantized where they are.
        quantized: whether they are.
        stored_quantized: whether the checkpoint itself holds quantized weights, which stay as they are.
        arguments: further keyword arguments of ``from_pretrained``.
    """

    name: str
    config: "PreTrainedConfig"
    device: str
    dtype: "torch.dtype"
    bitsandbytes: "BitsAndBytesConfig"
    quantized: bool
    arguments: dict[str, Any]
    stored_quantized: bool = False

    @property
    def quantization(self) -> "BitsAndBytesConfig | None":
        """How the weights are quantized; None where they stay as they are."""
        return self.bitsandbytes if self.quantized else None

    @cached_property
    def parameters(self) -> int:
        """The model's parameters, counted on the meta device."""
        import torch
        from transformers import AutoModelForCausalLM

        with explain("model", self.name), torch.device("meta"):
            model = AutoModelForCausalLM.from_config(
                copy.deepcopy(self.config), trust_remote_code=self.arguments.get("trust_remote_code", False)
            )
        return model.num_parameters()

    @property
    def architecture(self) -> Architecture:
        """What is special about the model's architecture."""
        return architecture(self.config.model_type)

    @property
    def attention(self) -> str | None:
        """The attention implementation that is asked for; None leaves it to the library."""
        return self.arguments.get("attn_implementation") or self.architecture.attention

    def unquantized(self) -> "ModelSpec":
        """The same model with weights that are not quantized.

        Raises:
            UserError: the checkpoint has no others.
        """
        if self.stored_quantized:
            raise UserError(f"{self.name} is itself quantized, so nothing can be merged into it: export with --adapter")
        return replace(self, quantized=False)


def model_spec(params: Params, config: "PreTrainedConfig | None" = None, on: str | None = None) -> ModelSpec:
    """The model that the parameters describe.

    ``dtype: auto`` is the checkpoint's own on a GPU, and float32 on a CPU, which computes half precision slowly.

    Args:
        config: the model's configuration; None: as the checkpoint has it.
        on: the kind of device; None: the one that is here.

    Raises:
        UserError: the configuration cannot be had.
    """
    import torch
    from transformers import BitsAndBytesConfig

    where, arguments = on or device(), params.model_config.arguments
    config = config or load_config(params.model, arguments)
    named = arguments.pop("dtype", "auto")
    if named != "auto":
        dtype = getattr(torch, named)
    elif where == "cpu":
        dtype = torch.float32
    else:
        dtype = config.dtype or torch.float32
        if config.dtype is None:
            arguments["dtype"] = "auto"  # only the weights themselves tell
    stored = getattr(config, "quantization_config", None)
    if stored:  # the checkpoint decides
        stored = stored if isinstance(stored, dict) else stored.to_dict()
        return ModelSpec(params.model, config, where, dtype, _as_bitsandbytes(stored), True, arguments, True)
    enabled = params.quantization.enabled
    quantized = where == "cuda" if enabled == "auto" else enabled
    bitsandbytes = BitsAndBytesConfig(**params.quantization.arguments)
    return ModelSpec(params.model, config, where, dtype, bitsandbytes, quantized, arguments)


def _as_bitsandbytes(stored: dict[str, Any]) -> "BitsAndBytesConfig":
    """How a checkpoint's weights are quantized; of another library's, the same number of bits."""
    from transformers import BitsAndBytesConfig

    if stored.get("quant_method") == "bitsandbytes":
        return BitsAndBytesConfig.from_dict(dict(stored))
    eight = stored.get("bits") == 8
    return BitsAndBytesConfig(load_in_8bit=eight, load_in_4bit=not eight)


def load_config(name: str, arguments: dict[str, Any]) -> "PreTrainedConfig":
    """The configuration of a model.

    Args:
        name: a Hub id or a local folder.
        arguments: of ``from_pretrained``; those that say where the model is found are used.

    Raises:
        UserError: the model is neither a local folder nor on the Hub, is gated, cannot be read, or is not causal.
    """
    from transformers import AutoConfig

    borrow(name)
    where = {"trust_remote_code": False} | {key: arguments[key] for key in _WHERE if key in arguments}
    with explain("model", name):
        config = AutoConfig.from_pretrained(name, **where)
    check_kind(name, config)
    return config


def check_tokens(spec: ModelSpec, tokenizer: "PreTrainedTokenizerBase", rows: list[list[int]]) -> None:
    """Compares tokens with the model's table of them, before weights are loaded.

    Args:
        rows: token ids.

    Raises:
        UserError: the tokenizer gives a token that the model does not have, or pads or ends texts with one.
    """
    size = getattr(spec.config.get_text_config(), "vocab_size", None) or sys.maxsize
    largest = max((max(ids, default=0) for ids in rows), default=0)
    if largest >= size:
        advice = "set 'tokenizer' to the one that belongs to the model"
        raise UserError(f"the tokenizer gives token {largest}, and {spec.name} has {size} tokens: {advice}")
    for name in ("pad_token", "eos_token"):
        number = getattr(tokenizer, f"{name}_id")
        if number is not None and number >= size:
            problem = f"the tokenizer's {name}, {getattr(tokenizer, name)!r}, is token {number}"
            advice = f"set 'tokenizer_config.{name}' to another of its tokens"
            raise UserError(f"{problem}, and {spec.name} has {size} tokens: {advice}")


def check_positions(spec: ModelSpec, rows: list[list[int]], limit: int | None, virtual_tokens: int = 0) -> None:
    """Compares the lengths of rows with the model's table of positions, before weights are loaded.

    Positions that are computed have no table, and may go beyond what the model was made for.

    Args:
        rows: token ids.
        limit: of tokens in a row; None for none.
        virtual_tokens: what prompt tuning puts before each row.

    Raises:
        UserError: a position has no place in the table.
    """
    text = spec.config.get_text_config()
    positions = getattr(text, "max_position_embeddings", None)
    longest = min(max(map(len, rows), default=0), limit or sys.maxsize)
    if positions and longest + virtual_tokens > positions and not hasattr(text, "rope_parameters"):
        before = f" with {virtual_tokens} virtual tokens before it" if virtual_tokens else ""
        advice = f"set 'train.max_length' to {positions - virtual_tokens} or lower"
        raise UserError(f"a row has {longest} tokens{before}, and {spec.name} has {positions} positions: {advice}")
