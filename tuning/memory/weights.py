"""Parameters of a configured model and the bytes that they take, counted on the meta device."""

from collections import Counter
from dataclasses import dataclass

from tuning.memory.bitsandbytes_bytes import quantized_bytes, quantized_layers
from tuning.memory.fake_model import train_in_bfloat16, without_data
from tuning.memory.optimizer_states import state_bytes
from tuning.memory.run import Run
from tuning.model.adapted_layers import fused_experts
from tuning.model.adapters import add_adapter, parameter_counts
from tuning.model.model_spec import ModelSpec


@dataclass(frozen=True)
class Weights:
    """The base model's.

    Attributes:
        training: bytes as training holds them.
        generation: bytes in generation, where LoRA is merged into those that are not quantized.
    """

    parameters: int
    training: int
    generation: int


@dataclass(frozen=True)
class Trained:
    """What is trained.

    Attributes:
        adapter: bytes of what an adapter adds in training; 0 where the whole model is trained.
        loaded: bytes of the same in generation, for which PEFT loads it in float32.
        optimizer: bytes of the optimizer's states.
    """

    parameters: int
    adapter: int
    loaded: int
    optimizer: int


def base_weights(run: Run) -> Weights:
    """The base model's weights."""
    spec = run.model
    model = _on_meta(spec)
    linear = quantized_layers(model) if spec.quantization else []
    packed = sum(quantized_bytes(layer.weight, spec.quantization) for layer in linear)
    unquantized = sum(p.nbytes for p in model.parameters()) - sum(layer.weight.nbytes for layer in linear)
    raised = unquantized
    if spec.quantization and unquantized and spec.dtype.itemsize < 4:  # PEFT's prepare_model_for_kbit_training
        experts = sum(parameter.nbytes for _, _, parameter in fused_experts(model))
        raised = experts + (unquantized - experts) * 4 // spec.dtype.itemsize
    return Weights(parameter_counts(model)[1], packed + raised, packed + unquantized)


def packed_bytes(spec: ModelSpec) -> tuple[int, int]:
    """The weights that decoding on a CPU packs, see ``tuning.generation.continuous.packed_weights``.

    Returns:
        Bytes of weights that one layer alone uses, and of those that others use too, which are copied.
    """
    import torch

    from tuning.generation.continuous.packed_weights import packs

    if spec.quantization or not packs(spec.device, spec.dtype):
        return 0, 0
    model = _on_meta(spec)
    users = Counter(id(weight) for _, weight in model.named_parameters(remove_duplicate=False))
    found = [0, 0]
    for layer in model.modules():
        if type(layer) is torch.nn.Linear:
            found[users[id(layer.weight)] > 1] += layer.weight.nbytes
    return found[0], found[1]


def trained_parameters(run: Run) -> Trained:
    """What training changes: adapters, or all weights.

    Raises:
        UserError: the adapter does not fit.
    """
    import torch

    model = _on_meta(run.model)
    with torch.device("meta"):
        model = add_adapter(model, run.model, without_data(run.adapter), checkpointing=False)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    loaded = 0 if run.adapter.whole else sum(parameter.nbytes for parameter in parameters)
    train_in_bfloat16(model, run.model)
    return Trained(
        parameters=sum(parameter.numel() for parameter in parameters),
        adapter=0 if run.adapter.whole else sum(parameter.nbytes for parameter in parameters),
        loaded=loaded,
        optimizer=state_bytes(run.training.optim, parameters) if run.training else 0,
    )


def _on_meta(spec: ModelSpec):
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(
            spec.config, dtype=spec.dtype, trust_remote_code=spec.arguments.get("trust_remote_code", False)
        )
