"""-S of the commands means what it means to ``dvc exp run``."""

import shutil

import pytest
from dvc.utils import hydra
from dvc.utils.serialize import load_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiny import ROOT
from tuning.config import overrides
from tuning.core.errors import UserError

FILE = ROOT / "params.yaml"
KEYS = ["model", "seed", "dataset", "data.num_val", "data.instructions.types", "lora.r", "train.learning_rate"]


def written_by_dvc(changes: list[str], folder) -> dict:
    """The values after ``dvc exp run`` with all the changes."""
    copy = shutil.copy(FILE, folder / "params.yaml")
    hydra.apply_overrides(copy, changes)
    return load_yaml(copy)


@pytest.mark.parametrize(
    "changes",
    [
        ["lora.r=4", "train.learning_rate=1e-4"],
        ["model=null", "data.instructions.types=[]"],
        ["model=meta-llama/Llama-3.1-8B", "tokenizer=null"],
        ["generation.base_url=http://node1:8000/v1"],
        ["data.instructions.types=[keywords:existence,punctuation:no_comma]"],
        ["dataset=[{name: a, weight: 3}, {name: b}]"],
        ["generation.system_prompt='one, two: \\'three\\''"],
        ["generation.system_prompt=two words"],
        ['generation.system_prompt="1"'],
        ["+train.eval_steps=5", "++train.eval_steps=6", "++lora.r=2"],
        ["~train.warmup_steps", "+train.warmup_steps=3"],
        ["+model_config.max_memory={cpu:3GiB}"],
        ["lora.r=2", "lora.r=3"],
        ["lora.target_modules=[q_proj,v_proj]", "lora.target_modules=all-linear"],
        ["model=${dataset}"],
        ["train.bf16=True", "train.packing=FALSE"],
        ["resources.strict=yes"],
        ["+data.columns.prompt=question"],
    ],
)
def test_values_are_those_that_dvc_writes(tmp_path, changes):
    try:
        expected = written_by_dvc(changes, tmp_path)
    except Exception:
        with pytest.raises(UserError):
            overrides.changed(FILE, changes)
    else:
        assert overrides.changed(FILE, changes) == expected


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(-1e9, 1e9)  # DVC writes very large ones with a digit less
    | st.from_regex(r"[a-z][a-z0-9_/.:-]*", fullmatch=True)
)


def text_of(value) -> str:
    """The value as one writes it after ``-S key=``."""
    if isinstance(value, list):
        return f"[{','.join(map(text_of, value))}]"
    return (
        {None: "null", True: "true", False: "false"}[value]
        if value is None or value is True or value is False
        else str(value)
    )


CHANGES = st.builds(
    lambda key, value: f"{key}={text_of(value)}", st.sampled_from(KEYS), SCALARS | st.lists(SCALARS, max_size=3)
)
ANY_TEXT = st.builds(
    lambda key, value: f"{key}={value}", st.sampled_from(KEYS), st.text("ab1.,:'\"[]{}$ \\-=", max_size=8)
)


@settings(max_examples=25, deadline=None)
@given(changes=st.lists(CHANGES | ANY_TEXT, min_size=1, max_size=3))
def test_any_values_are_those_that_dvc_writes(tmp_path_factory, changes):
    folder = tmp_path_factory.mktemp("dvc")
    try:
        expected = written_by_dvc(changes, folder)
    except Exception:
        with pytest.raises(UserError):
            overrides.changed(FILE, changes)
    else:
        assert overrides.changed(FILE, changes) == expected


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("lora.r", "missing EQUAL"),
        ("", "mismatched input"),
        ("lora.r=4,8", "takes one value"),
        ("train.optim=choice(a,b)", "takes one value"),
        ("lora.r=range(1,3)", "takes one value"),
        ("model=glob(*)", "takes one value"),
        ("lora.x=3", "use +lora.x=3"),
        ("+lora.r=3", "already at 'lora.r'"),
        ("~nope", "'nope' does not exist"),
        ("lora.r=[1,", "no viable alternative"),
        ("model=${nope}", "'nope' not found"),
        ("model=???", "Missing mandatory value"),
        ("seed=" + "9" * 5000, "Exceeds the limit"),
        ("lora=3", "'lora' must be a mapping"),
        ("lora.r=0", "'lora.r' must be a whole number of at least 1, not 0"),
        ("train.learning_rate=nan", "must be a finite number"),
        ("+train.lerning_rate=1", "did you mean 'train.learning_rate'"),
    ],
)
def test_what_is_wrong_is_one_line(monkeypatch, change, words):
    monkeypatch.chdir(ROOT)
    before = FILE.read_bytes()
    with pytest.raises(UserError) as caught:
        overrides.apply([change])
    message = str(caught.value)
    assert words in message
    assert "-S" in message
    assert "\n" not in message
    assert len(message) < 500
    assert FILE.read_bytes() == before


def test_changed_parameters(monkeypatch):
    monkeypatch.chdir(ROOT)
    changed = overrides.apply(["seed=7", "lora.r=4", "train.learning_rate=1e-4", "data.num_val=3"])
    assert (changed.seed, changed.data.num_val) == (7, 3)
    assert (changed.lora.arguments["r"], changed.train.arguments["learning_rate"]) == (4, 1e-4)
    assert overrides.apply([]).seed == 42
