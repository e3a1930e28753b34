"""The model's head and loss on a CPU: only where a token is to be learnt, and each product once.

TRL's head projects every position on a CPU, prompts and padding included, and computes the logits again in backward.
The loss is a weighted sum of log-probabilities, and the gradient of one of them needs nothing but its own logits; so it
is computed at once, and scaled in backward.
"""

import functools

import torch
from torch.nn.functional import linear
from trl import SFTConfig, SFTTrainer
from trl.trainer.utils import FusedCausalLMOutput

from tuning.model.architectures import CAPS

ELEMENTS = 1 << 24  # logits at once: 64 MiB in float32
MULTIPLE = 64  # of positions, so that oneDNN, which compiles code for each size of a bfloat16 product, sees few sizes
# What models do to logits before the loss, as their configurations name it.
_CHANGES = (*CAPS, "logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling")


class LogProbabilities(torch.autograd.Function):
    """The log-probability of each target, with the gradient for the hidden states.

    Shapes: ``hidden`` (tokens, hidden size), ``weight`` (vocabulary, hidden size), ``bias`` (vocabulary) or None,
    ``targets`` (tokens); the result (tokens), float32.
    """

    @staticmethod
    def forward(ctx, hidden, weight, bias, targets):
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else hidden.dtype
        weight, bias = weight.to(dtype), None if bias is None else bias.to(dtype)
        found = torch.empty(len(hidden), dtype=torch.float32)
        gradient = torch.empty(hidden.shape, dtype=dtype) if ctx.needs_input_grad[0] else None
        count = at_once(weight)
        for start in range(0, len(hidden), count):
            part, own = slice(start, start + count), targets[start : start + count, None]
            scores = torch.log_softmax(linear(hidden[part].to(dtype), weight, bias), dim=-1, dtype=torch.float32)
            found[part] = scores.gather(1, own)[:, 0]
            if gradient is not None:  # the target's row of weights less the mean of all rows
                scores.exp_().neg_().scatter_add_(1, own, torch.ones_like(own, dtype=torch.float32))
                gradient[part] = scores.to(dtype) @ weight
        ctx.save_for_backward(gradient)
        ctx.dtype = hidden.dtype
        return found

    @staticmethod
    def backward(ctx, weights):
        (gradient,) = ctx.saved_tensors
        return (gradient * weights[:, None]).to(ctx.dtype), None, None, None


def at_once(weight: torch.Tensor) -> int:
    """Positions whose logits are computed at once."""
    return max(1, ELEMENTS // len(weight) // MULTIPLE) * MULTIPLE


def to_learn(mask: torch.Tensor) -> torch.Tensor:
    """The positions, counted over all rows, at which a token is to be learnt."""
    return mask.flatten().nonzero()[:, 0]


def filled_up(positions: torch.Tensor) -> torch.Tensor:
    """As many positions as the next multiple: the first comes again."""
    return torch.cat([positions, positions[:1].expand(-len(positions) % MULTIPLE)])


def fits(base, config: SFTConfig) -> bool:
    """Whether this head computes what TRL's does: a frozen linear head, its logits as they are, and the plain loss.

    It gives neither entropy nor accuracy, so that the best model must not be chosen by these.
    """
    head, text = base.get_output_embeddings(), base.config.get_text_config()
    changed = any(getattr(text, name, None) not in (None, 1.0) for name in _CHANGES)
    plain = (
        config.loss_type == "nll"
        and not config.label_smoothing_factor
        and config.metric_for_best_model in (None, "loss", "eval_loss")
        and not (hasattr(text, "output_router_logits") and config.router_aux_loss_coef != 0)
    )
    return plain and not changed and type(head) is torch.nn.Linear and not head.weight.requires_grad


def add_completion_head(base) -> None:
    """Puts this head in the place of TRL's: ``model(..., labels=labels, fused_lm_head=True)`` returns ``log_probs``."""
    plain = base.forward

    @functools.wraps(plain)
    def forward(*args, fused_lm_head=False, labels=None, shift_labels=None, **kwargs):
        if not fused_lm_head:
            given = {"labels": labels, "shift_labels": shift_labels}
            return plain(*args, **{name: value for name, value in given.items() if value is not None}, **kwargs)
        hidden = base.base_model(*args, **{**kwargs, "use_cache": False}).last_hidden_state
        if shift_labels is None:
            hidden, shift_labels = hidden[:, :-1], labels[:, 1:]
        mask = shift_labels != -100
        where, head = to_learn(mask), base.get_output_embeddings()
        all_of_them = filled_up(where)
        chosen = hidden.reshape(-1, hidden.shape[-1])[all_of_them]
        found = LogProbabilities.apply(chosen, head.weight, head.bias, shift_labels.flatten()[all_of_them])
        each = found.new_zeros(mask.shape).masked_scatter(mask, found[: len(where)])
        return FusedCausalLMOutput(log_probs=each, label_mask=mask)

    base.forward = forward


class CompletionTrainer(SFTTrainer):
    """SFTTrainer whose loss comes from this head; entropy and accuracy, which nothing reads, are not computed."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        outputs = model(**inputs, fused_lm_head=True)
        count = outputs.label_mask.sum() if num_items_in_batch is None else torch.as_tensor(num_items_in_batch)
        loss = -outputs.log_probs.sum() / count.clamp(min=1)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss
