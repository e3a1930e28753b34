"""Models on tensors without data: made from a configuration alone, as train has them, at no cost of memory."""

import logging
from contextlib import contextmanager
from typing import Any

from tuning.model.adapters import add_adapter
from tuning.model.architectures import architecture
from tuning.model.base_model import is_quantized


def to_train(params: dict[str, Any], config, dtype):
    """The model as train makes it, in the dtypes it has there."""
    from trl.trainer.utils import add_fused_lm_head

    from tuning.memory import bitsandbytes_layers

    model = base(params, config, dtype)
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    if is_quantized(params):
        bitsandbytes_layers.imitate(model, params["quantization"])
    train = params["train"]
    model = add_adapter(model, without_data(params, quantized=True))
    if train.get("gradient_checkpointing", True):
        given = train.get("gradient_checkpointing_kwargs") or {"use_reentrant": False}
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=given)
        if not _whole(params):
            model.enable_input_require_grads()
    return model.train()


def base(params: dict[str, Any], config, dtype):
    """The model without an adapter, with the attention that it is loaded with."""
    from transformers import AutoModelForCausalLM

    options = {"dtype": dtype, "trust_remote_code": params["model_config"].get("trust_remote_code")}
    attention = params["model_config"].get("attn_implementation") or architecture(config.model_type).attention
    if attention:
        options["attn_implementation"] = attention
    return AutoModelForCausalLM.from_config(config, **options)


def _whole(params: dict[str, Any]) -> bool:
    return not params["lora"]["enabled"] and not params["prompt_tuning"]["enabled"]


def without_data(params: dict[str, Any], quantized: bool = False) -> dict[str, Any]:
    """Params for an adapter on the meta device: the shapes are the same, but nothing can be read from weights.

    Args:
        quantized: whether the adapter is to be made as on a quantized base, if that is what ``params`` have.
    """
    return {
        **params,
        "quantization": params["quantization"] if quantized else {"enabled": False},
        "lora": {**params["lora"], "init_lora_weights": True},
        "prompt_tuning": {**params["prompt_tuning"], "prompt_tuning_init": "RANDOM"},
    }


@contextmanager
def fake_tensors():
    """Operations take and make tensors without data; what fails is raised, and not logged at length besides."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    logger = logging.getLogger("torch._subclasses.fake_tensor")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            yield
    finally:
        logger.setLevel(level)


def make_fake(model) -> None:
    """Puts fake tensors of the CPU in the place of those of the meta device, tied ones in each place."""
    import torch

    made: dict[int, torch.Tensor] = {}
    for module in model.modules():
        for name, old in module._parameters.items():
            if old is not None and id(old) not in made:
                made[id(old)] = torch.nn.Parameter(
                    torch.empty(old.shape, dtype=old.dtype, device="cpu"), requires_grad=old.requires_grad
                )
            module._parameters[name] = None if old is None else made[id(old)]
        for name, old in module._buffers.items():
            module._buffers[name] = None if old is None else torch.empty(old.shape, dtype=old.dtype, device="cpu")


def narrow_head(model) -> None:
    """Leaves two tiles of logits, which hold what any two do, in a head that is not trained."""
    import torch
    from trl.trainer.utils import _CHUNKED_LOGPROB_CHUNK_SIZE

    head, few = model.get_output_embeddings(), 2 * _CHUNKED_LOGPROB_CHUNK_SIZE
    if type(head) is torch.nn.Linear and not head.weight.requires_grad and len(head.weight) > few:
        head._parameters = {
            name: None if whole is None else torch.nn.Parameter(whole[:few].clone(), requires_grad=False)
            for name, whole in head._parameters.items()
        }


@contextmanager
def tiles_in_place():
    """TRL's head as its Triton kernels compute it: within the tile of logits."""
    from trl.kernels import chunked_logprob

    own = chunked_logprob._forward_tile, chunked_logprob._backward_tile
    chunked_logprob._forward_tile = chunked_logprob._backward_tile = lambda *_, **__: None
    try:
        yield
    finally:
        chunked_logprob._forward_tile, chunked_logprob._backward_tile = own
