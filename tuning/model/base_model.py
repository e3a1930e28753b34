"""The base model, quantized or not."""

from typing import TYPE_CHECKING

from tuning.model.device import own_device
from tuning.model.faults import check_files, check_loaded
from tuning.model.hub import explain
from tuning.model.model_spec import ModelSpec
from tuning.model.processes import rank

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_model(spec: ModelSpec, name: str | None = None) -> "PreTrainedModel":
    """The base model; without a ``device_map`` it lands on this process's own device.

    Where training shards the weights (FSDP, ZeRO-3), no process is to hold all of them on its device: there they land
    where accelerate wants them.

    Args:
        name: another checkpoint of the same model; None: the spec's own.

    Raises:
        UserError: it cannot be loaded, or its files do not hold all of its weights.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # of loading weights; downloads keep theirs
    name, options = name or spec.name, {"dtype": spec.dtype, "trust_remote_code": False, **spec.arguments}
    if spec.attention:
        options["attn_implementation"] = spec.attention
    if spec.quantization and not spec.stored_quantized:
        options["quantization_config"] = spec.quantization
    if options.get("device_map") is None and not _is_sharded():
        options["device_map"] = {"": own_device()}
    check_files(name, options)
    with explain("model", name):
        options |= {"output_loading_info": True, "ignore_mismatched_sizes": True}  # check_loaded says what is wrong
        model, loaded = AutoModelForCausalLM.from_pretrained(name, **options)
    if rank() == 0:  # which alone reads the files where weights are sharded
        check_loaded(name, loaded)
    keep_layout(model)
    make_savable(model)
    if spec.quantization and spec.device == "cpu":
        _leave_file(model)
    return model


def _is_sharded() -> bool:
    """Whether accelerate or DeepSpeed will divide the weights among processes."""
    from transformers import integrations

    return integrations.is_deepspeed_zero3_enabled() or integrations.is_fsdp_enabled()


def make_savable(model: "PreTrainedModel") -> None:
    """Drops the checkpoint's settings of sampling where they contradict each other, as transformers will not save them.

    The stages never use them: ``generation`` alone decides. Special tokens stay.
    """
    from transformers import GenerationConfig

    own = getattr(model, "generation_config", None)
    if own is None:
        return
    try:
        own.validate(strict=True)
    except ValueError:
        tokens = {name: getattr(own, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
        model.generation_config = GenerationConfig(**tokens)


def _leave_file(model: "PreTrainedModel") -> None:
    """Copies the unquantized tensors, which may be views of the mapped file.

    As long as one tensor uses the mapped file, all of it stays in memory, with the unquantized form of all weights.
    """
    for tensor in [*model.parameters(), *model.buffers()]:
        if tensor.is_floating_point():
            tensor.data = tensor.data.clone()


def keep_layout(model: "PreTrainedModel") -> None:
    """Lets 4-bit layers compute with the weights as they are, on every processor.

    On a processor that computes in bfloat16, bitsandbytes packs the weights anew when they are first used without
    gradients. The result is rounded otherwise, has no gradient for the training that follows an evaluation, and the
    layout does not exist for widths that are no multiple of the block (bitsandbytes 0.50, ``nn.Linear4bit.forward``).
    """
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False
