"""docs/params.md says of the project's own keys what their docstrings say."""

from tests.tiny import ROOT
from tuning.config.documentation import updated
from tuning.config.yaml_file import load

PAGE = (ROOT / "docs/params.md").read_text(encoding="utf-8")
VALUES = load(ROOT / "params.yaml")


def test_the_page_is_up_to_date():
    assert updated(PAGE, VALUES) == PAGE, "run python -m tuning.config.documentation"


def test_rows_of_own_keys_are_restored_and_all_else_stays():
    rows = [line for line in PAGE.splitlines() if line.startswith("| `lora.")]
    assert rows[0].startswith("| `lora.enabled` |")
    for changed in (PAGE.replace(rows[0] + "\n", ""), PAGE.replace("train LoRA", "do something else")):
        assert changed != PAGE
        assert updated(changed, VALUES) == PAGE
    by_hand = PAGE.replace("| `lora.r` | rank |", "| `lora.r` | the rank |")
    assert updated(by_hand, VALUES) == by_hand != PAGE


def test_defaults_are_those_of_params_yaml():
    assert "| `seed` |" in updated(PAGE, VALUES | {"seed": 1234})
    assert "| `1234` | `7` |" in updated(PAGE, VALUES | {"seed": 1234})
