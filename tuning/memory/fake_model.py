"""Models on tensors without data: made from a configuration alone, as train has them, at no cost of memory."""

import copy
import logging
from contextlib import contextmanager

from tuning.memory.run import Run
from tuning.model.adapted_layers import cast_inputs
from tuning.model.adapters import AdapterSpec, add_adapter
from tuning.model.model_spec import ModelSpec


def to_train(run: Run):
    """The model as train makes it, in the dtypes it has there."""
    from trl.trainer.utils import add_fused_lm_head

    from tuning.memory import bitsandbytes_layers
    from tuning.training.cpu import faster_steps

    model = base(run.model)
    _balance_experts(model, run.training)
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    if run.model.quantization:
        bitsandbytes_layers.imitate(model, run.model.quantization)
    model = add_adapter(model, run.model, without_data(run.adapter), run.checkpointing)
    if run.checkpointing:
        given = run.training.gradient_checkpointing_kwargs or {"use_reentrant": False}
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=given)
        if not run.adapter.whole:
            model.enable_input_require_grads()
    train_in_bfloat16(model, run.model)
    if run.model.device == "cpu":
        faster_steps.apply(model, run.training)
    if run.training.bf16 or run.training.fp16:
        cast_inputs(model, False)  # as tuning.training.lora_inputs
    return model.train()


def _balance_experts(model, training) -> None:
    """Whether the model gives its routers' logits to the loss, as SFTTrainer decides it; the CPU's head then does not.

    Args:
        training: TRL's configuration.
    """
    text = model.config.get_text_config()
    if hasattr(text, "router_aux_loss_coef"):
        given = getattr(training, "router_aux_loss_coef", None)
        coefficient = text.router_aux_loss_coef if given is None else given
        text.output_router_logits = hasattr(text, "output_router_logits") and coefficient != 0


def train_in_bfloat16(model, spec: ModelSpec) -> None:
    """What is trained beside quantized weights, in bfloat16 as SFTTrainer makes it; elsewhere it stays as it is.

    DoRA's magnitudes are left out there, because their updates are smaller than bfloat16 tells apart.
    """
    import torch

    if spec.quantization:
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and "lora_magnitude_vector" not in name:
                parameter.data = parameter.data.to(torch.bfloat16)


def base(spec: ModelSpec):
    """The model without an adapter, with the attention that it is loaded with."""
    from transformers import AutoModelForCausalLM

    options = {"dtype": spec.dtype, "trust_remote_code": spec.arguments.get("trust_remote_code", False)}
    if spec.attention:
        options["attn_implementation"] = spec.attention
    return AutoModelForCausalLM.from_config(spec.config, **options)


def without_data(adapter: AdapterSpec) -> AdapterSpec:
    """The adapter for a model on the meta device: of the same shapes, but it reads nothing from weights."""
    lora, prompt_tuning = copy.deepcopy(adapter.lora), copy.deepcopy(adapter.prompt_tuning)
    if lora is not None:
        lora.init_lora_weights = True
    if prompt_tuning is not None:
        prompt_tuning.prompt_tuning_init = "RANDOM"
    return AdapterSpec(lora, prompt_tuning)


@contextmanager
def fake_tensors():
    """Inside the block, tensors have no data. Errors are raised without torch's long log messages."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    logger = logging.getLogger("torch._subclasses.fake_tensor")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with FakeTensorMode(allow_non_fake_inputs=True), _products_of_experts():
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def _products_of_experts():
    """The product of each token with its expert's weights, which torch has in bfloat16 alone for such tensors.

    The product of all tokens with one expert takes as much, and so does its gradient.
    """
    from transformers.integrations import moe

    own = moe._grouped_mm
    moe._grouped_mm = _product_of_experts
    try:
        yield
    finally:
        moe._grouped_mm = own


def _product_of_experts(tokens, weights, offs):
    import torch

    with torch.autocast("cpu", enabled=False):  # it leaves such products alone
        return tokens.to(weights.dtype) @ weights[0]


def make_fake(model) -> None:
    """Replaces meta tensors by fake CPU tensors; tied weights stay tied.

    Rotary frequencies that follow the longest row (dynamic RoPE) read tensors. They become fixed ones, whose tensors
    have the same shapes.
    """
    import torch

    made: dict[int, torch.Tensor] = {}
    for module in model.modules():
        kinds = getattr(module, "rope_type", None)
        if isinstance(kinds, str):
            module.rope_type = kinds.replace("dynamic", "default")
        elif isinstance(kinds, dict):
            module.rope_type = {layer: kind.replace("dynamic", "default") for layer, kind in kinds.items()}
        for name, old in module._parameters.items():
            if old is not None and id(old) not in made:
                made[id(old)] = torch.nn.Parameter(
                    torch.empty(old.shape, dtype=old.dtype, device="cpu"), requires_grad=old.requires_grad
                )
            module._parameters[name] = None if old is None else made[id(old)]
        for name, old in module._buffers.items():
            module._buffers[name] = None if old is None else torch.empty(old.shape, dtype=old.dtype, device="cpu")


def has_own_head(model, run: Run) -> bool:
    """Whether the CPU's head takes the place of TRL's."""
    from tuning.training.cpu import faster_steps

    return run.model.device == "cpu" and faster_steps.has_own_head(model, run.training)


def narrow_head(model, run: Run) -> None:
    """Limits an untrained head to two tiles of TRL's logits: further tiles add no memory."""
    import torch
    from trl.trainer.utils import _CHUNKED_LOGPROB_CHUNK_SIZE

    if has_own_head(model, run):
        return
    head, few = model.get_output_embeddings(), 2 * _CHUNKED_LOGPROB_CHUNK_SIZE
    if type(head) is torch.nn.Linear and not head.weight.requires_grad and len(head.weight) > few:
        head._parameters = {
            name: None if whole is None else torch.nn.Parameter(whole[:few].clone(), requires_grad=False)
            for name, whole in head._parameters.items()
        }


@contextmanager
def every_position(virtual_tokens: int):
    """The CPU's head learns at every position but virtual tokens: without data there are no labels to choose by."""
    import torch

    from tuning.training.cpu import completion_head

    own = completion_head.to_learn
    completion_head.to_learn = lambda mask: torch.arange(mask.numel() - virtual_tokens * len(mask))
    try:
        yield
    finally:
        completion_head.to_learn = own


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
