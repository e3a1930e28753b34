"""What differs between model architectures, with the reason for each difference.

Everything that is not listed here is the same for all: LoRA on ``all-linear``, which finds the linear
layers of any architecture (phi's dense, fc1 and fc2 and RecurrentGemma's linear_x, linear_y and
linear_out among them), padding on the left for generation, the checkpoint's own dtype on a GPU. Whether
a system role is understood is asked of the chat template itself (``tuning.model.chat_template``).
"""

import copy
from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """How one ``model_type`` differs from the rest.

    Attributes:
        attention: ``attn_implementation`` unless ``model_config`` names one; None leaves it to the library.
        pads: whether prompts of different lengths can be padded to one batch for generation.
        without_lora: names of linear layers that cannot be adapted.
        loops: whether its layers loop over the tokens of a row, so that simulating a step takes time with its length.
        reason: why.
    """

    attention: str | None = None
    pads: bool = True
    without_lora: tuple[str, ...] = ()
    loops: bool = False
    reason: str = ""


# Under which names configurations have the value that logits are softly capped at. TRL's head knows the first alone.
CAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap")

_FUSED = "its fused kernel reads the weights of out_proj itself, past LoRA's"

ARCHITECTURES: dict[str, Architecture] = {
    "gemma2": Architecture(
        attention="eager",
        reason="caps attention logits softly, which the fused kernels leave out or round differently in training",
    ),
    **dict.fromkeys(
        ("rwkv", "xlstm"),
        Architecture(pads=False, loops=True, reason="it reads padding as text, as RecurrentGemma does"),
    ),
    "recurrent_gemma": Architecture(
        pads=False,
        loops=True,
        reason="its recurrent state reads padding as text, so a batch holds only prompts of equal length",
    ),
    **dict.fromkeys(
        ("phimoe", "llama4", "llama4_text"),
        Architecture(without_lora=("router",), reason="its router is a linear layer that returns a tuple"),
    ),
    **dict.fromkeys(("mamba", "falcon_mamba"), Architecture(without_lora=("out_proj",), loops=True, reason=_FUSED)),
    **dict.fromkeys(("mamba2", "falcon_h1", "nemotron_h"), Architecture(without_lora=("out_proj",), reason=_FUSED)),
}


def name_soft_cap(config) -> None:
    """Gives a soft cap of logits the name that TRL reads, so that the loss is of the logits that generation uses."""
    text = config.get_text_config()
    found = next((cap for name in CAPS if (cap := getattr(text, name, None)) is not None), None)
    if found is not None:
        text.final_logit_softcapping = found


def architecture(model_type: str) -> Architecture:
    """How the architecture differs; with defaults where it does not."""
    return ARCHITECTURES.get(model_type, Architecture())


def period(config) -> int:
    """The period after which the kinds of layers repeat, where they differ in memory."""
    return len(getattr(config, "block_types", None) or [None])


def shortened(config, layers: int):
    """The configuration with its first layers only; a tower for images beside the text model stays as it is.

    All of them have keys and values of their own, since those that layers share (Gemma 3n) may be of one left out.
    """
    config = copy.deepcopy(config)
    text = config.get_text_config()
    shared = getattr(text, "num_kv_shared_layers", None) or 0
    if shared:
        text.num_kv_shared_layers = 0
    if shared and getattr(text, "use_double_wide_mlp", False):  # those that share are wide: as wide as the mean
        text.intermediate_size += text.intermediate_size * shared // text.num_hidden_layers
    text.num_hidden_layers = layers
    if vars(text).get("layer_types"):
        text.layer_types = text.layer_types[:layers]
    return config
