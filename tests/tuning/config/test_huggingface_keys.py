"""The keys that are read from the source of Hugging Face's classes."""

import pytest

from tuning.config import huggingface_keys


@pytest.mark.parametrize("section", huggingface_keys.SOURCES)
def test_schema_knows_the_class_as_it_is_installed(section):
    """The keys read from source are those that the imported class takes."""
    import dataclasses

    import peft
    import transformers
    import trl

    classes = {"train": trl.SFTConfig, "lora": peft.LoraConfig, "prompt_tuning": peft.PromptTuningConfig}
    keys = huggingface_keys.keys(section)
    if section in classes:
        fields = dataclasses.fields(classes[section])
        assert {field.name for field in fields if field.init} <= set(keys) <= {field.name for field in fields}
    elif section == "generation":
        attributes = {name for name in vars(transformers.GenerationConfig()) if not name.startswith("_")}
        assert attributes - set(keys) <= {"transformers_version"}
    else:
        assert len(keys) > 5
