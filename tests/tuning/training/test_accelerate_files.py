"""The files in configs/accelerate are understood as they are meant."""

import functools

import pytest
import torch

from tests import loading
from tests.accelerate_files import FOLDER, environment


@pytest.fixture
def launched(monkeypatch):
    """Gives this process the environment that a file gives to each process."""

    def give(name: str) -> None:
        for key, value in environment(name).items():
            monkeypatch.setenv(key, value)

    return give


def test_each_file_is_looked_at_here():
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {"ddp", "ddp_cpu", "fsdp", "zero3"}


@pytest.mark.parametrize(("name", "half"), [("ddp", "bf16"), ("ddp_cpu", "no"), ("fsdp", "bf16"), ("zero3", "bf16")])
def test_mixed_precision_and_nothing_of_another_kind(name, half):
    found = environment(name)
    assert found["ACCELERATE_MIXED_PRECISION"] == half
    assert ("ACCELERATE_USE_FSDP" in found) == (name == "fsdp")
    assert ("ACCELERATE_USE_DEEPSPEED" in found) == (name == "zero3")


def test_fsdp_divides_each_layer_and_gathers_whole_weights(launched, model):
    from accelerate import FullyShardedDataParallelPlugin
    from torch.distributed.fsdp import MixedPrecisionPolicy, OffloadPolicy, StateDictType
    from torch.distributed.fsdp.wrap import transformer_auto_wrap_policy

    launched("fsdp")
    plugin = FullyShardedDataParallelPlugin()
    plugin.set_mixed_precision("bf16")
    plugin.set_auto_wrap_policy(model)
    assert plugin.fsdp_version == 2
    assert plugin.reshard_after_forward is True
    assert plugin.cpu_ram_efficient_loading is True
    assert plugin.state_dict_type == StateDictType.FULL_STATE_DICT
    assert type(plugin.cpu_offload) is OffloadPolicy  # which offloads nothing
    assert isinstance(plugin.mixed_precision_policy, MixedPrecisionPolicy)
    assert plugin.mixed_precision_policy.param_dtype == torch.bfloat16
    policy = plugin.auto_wrap_policy
    assert isinstance(policy, functools.partial)
    assert policy.func is transformer_auto_wrap_policy
    assert {each.__name__ for each in policy.keywords["transformer_layer_cls"]} == {"LlamaDecoderLayer"}


def test_zero_divides_weights_gradients_and_states_and_gathers_whole_weights(launched):
    from accelerate import DeepSpeedPlugin

    launched("zero3")
    plugin = DeepSpeedPlugin()
    assert plugin.zero_stage == 3
    assert plugin.is_zero3_init_enabled()
    assert plugin.gradient_accumulation_steps == "auto"
    found = plugin.deepspeed_config["zero_optimization"]
    assert found["stage"] == 3
    assert found["stage3_gather_16bit_weights_on_model_save"] is True
    assert found["offload_param"]["device"] == found["offload_optimizer"]["device"] == "none"


@pytest.mark.parametrize("kind", [None, "is_deepspeed_zero3_enabled", "is_fsdp_enabled"])
def test_weights_that_will_be_divided_are_not_put_on_the_device_of_one_process(params, model, kind, monkeypatch):
    """transformers refuses a ``device_map`` with ZeRO-3; with FSDP each GPU would hold all weights for a while."""
    given = {}

    def load(name, **options):
        given.update(options)
        return model, dict.fromkeys(("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"), ())

    if kind:
        monkeypatch.setattr(f"transformers.integrations.{kind}", lambda: True)
    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", load)
    loading.base(params)
    assert given["device_map"] == (None if kind else {"": "cpu"})
