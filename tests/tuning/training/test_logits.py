"""The loss is of the logits that a model answers with: capped where it caps them, without the loss of its routers."""

import pytest
import torch
import transformers
from datasets import Dataset

from tests import loading, tiny, tiny_architectures
from tests.tuning.estimates import changed
from tuning.core.errors import UserError
from tuning.training.cpu import faster_steps

ROWS = Dataset.from_list([{"input_ids": [5, 6, 7, 8, 9, 10], "labels": [-100, -100, 7, 8, 9, 10]} for _ in range(2)])
SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
ROUTED = {
    "mixtral": ("MixtralConfig", {"num_local_experts": 2, "num_experts_per_tok": 1, "num_key_value_heads": 2}),
    "granitemoe": ("GraniteMoeConfig", {"num_local_experts": 2, "num_experts_per_tok": 1, "num_key_value_heads": 2}),
    "phimoe": ("PhimoeConfig", {"num_local_experts": 2, "num_experts_per_tok": 1, "num_key_value_heads": 2}),
}


def save(name, folder):
    if name not in ROUTED:
        return tiny_architectures.save(name, folder)
    words, (kind, own) = tiny.tokenizer(), ROUTED[name]
    config = getattr(transformers, kind)(**SIZES, **own, vocab_size=len(words), output_router_logits=True)
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def test_a_balance_that_trl_cannot_compute_is_refused(tokenizer, tmp_path):
    values = changed(tiny.params(str(save("granitemoe", tmp_path / "model")), "rows.jsonl", "prompts.jsonl"), "lora")
    values["train"]["router_aux_loss_coef"] = 0.01
    with pytest.raises(UserError, match=r"'train.router_aux_loss_coef': TRL cannot balance .*model, .*: leave it out"):
        loading.trainer(values, tokenizer, ROWS, tmp_path / "out")


def make_large(model):
    """Logits of a size at which a cap changes them."""
    with torch.no_grad():
        head = model.get_output_embeddings()
        head.weight.mul_(30)


@pytest.mark.parametrize("own", [True, False], ids=["head", "head of TRL"])
@pytest.mark.parametrize("name", [*tiny_architectures.ARCHITECTURES, *ROUTED])
def test_the_loss_is_that_of_the_models_logits(name, own, tokenizer, tmp_path, monkeypatch):
    if not own:
        monkeypatch.setattr(faster_steps, "fits", lambda *_: False)
    folder = save(name, tmp_path / "model")
    values = changed(tiny.params(str(folder), "rows.jsonl", "prompts.jsonl"), "lora", gradient_checkpointing=False)
    trainer = loading.trainer(values, tokenizer, ROWS, tmp_path / "out")
    trainer.eval_dataset = trainer.train_dataset
    make_large(trainer.model.get_base_model())
    found = trainer.evaluate()["eval_loss"]
    ids = torch.tensor(ROWS["input_ids"])
    with torch.no_grad():
        logits = trainer.model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    targets = torch.tensor(ROWS["labels"])[:, 1:]
    expected = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), targets.flatten())
    assert found == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("own", [True, False], ids=["head", "head of TRL"])
def test_a_loss_that_is_not_of_the_models_logits_is_refused(own, tokenizer, tmp_path, monkeypatch):
    if not own:
        monkeypatch.setattr(faster_steps, "fits", lambda *_: False)
    words = tiny.tokenizer()
    special = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id", "cls_token_id", "sep_token_id"), 0)
    config = transformers.ModernBertDecoderConfig(**SIZES, **special, vocab_size=len(words))
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "model")
    words.save_pretrained(tmp_path / "model")
    values = changed(tiny.params(str(tmp_path / "model"), "rows.jsonl", "prompts.jsonl"), "lora")
    with pytest.raises(UserError, match="has layers between its last hidden states and its output embeddings"):
        loading.trainer(values, tokenizer, ROWS, tmp_path / "out")
