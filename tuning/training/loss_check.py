"""The loss that is trained on, compared with the logits that the model answers with.

TRL's head, and the one in its place on a CPU, multiply the last hidden states by the output embeddings. Where a model
has layers between the two, as decoders of BERT's kind have, that would be the loss of another model.
"""

from typing import TYPE_CHECKING

import torch

from tuning.core.errors import UserError
from tuning.training.cpu.faster_steps import base_of

if TYPE_CHECKING:
    from trl import SFTTrainer

TOKENS = 8
FAR = 0.25  # of the logits' standard deviation; rounding in bfloat16 makes some hundredths


def check_loss(trainer: "SFTTrainer", name: str) -> None:
    """Compares the log-probabilities of a few tokens; a model that is divided between processes is not looked at.

    Args:
        name: the model's, for the message.

    Raises:
        UserError: the two differ by more than rounding.
    """
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        return
    base = base_of(trainer.model)
    size = getattr(base.config.get_text_config(), "vocab_size", None) or len(base.get_output_embeddings().weight)
    ids = (torch.arange(TOKENS)[None] + size // 2).remainder(size).to(base.device)
    modes = {module: module.training for module in base.modules()}
    base.eval()
    with torch.no_grad():
        learnt = base(input_ids=ids, labels=ids, fused_lm_head=True).log_probs[0].float()
        logits = base(input_ids=ids, use_cache=False).logits[0, :-1].float()
    for module, training in modes.items():
        module.training = training
    if len(logits) != len(learnt):  # code of a model's own may give the last token's alone
        return
    answered = logits.log_softmax(-1).gather(-1, ids[0, 1:, None].to(logits.device))[:, 0]
    if (learnt.to(answered.device) - answered).abs().mean() > FAR * logits.std():
        raise UserError(
            f"model {name!r} ({base.config.model_type}) has layers between its last hidden states and its output "
            "embeddings, or changes its logits after them, and TRL's loss leaves these out: it cannot be trained here"
        )
