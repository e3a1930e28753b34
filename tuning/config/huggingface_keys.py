"""Which keys each Hugging Face class takes, and of what type, read from the classes' own source.

Importing trl or peft takes seconds, since they import torch. Parsing the source of one class takes milliseconds and
always matches the installed version. Types come from annotations, then from defaults, then from docstrings in
Hugging Face's style. Where none of them gives a type, any value passes here and the class itself checks it.
"""

import ast
import functools
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

_SCALARS = {"int": int, "float": float, "bool": bool, "str": str, "list": list, "dict": dict, "None": type(None)}


@dataclass(frozen=True)
class Key:
    """One keyword argument.

    Attributes:
        types: the plain types that its annotation allows; empty where it says nothing that can be checked.
        choices: the allowed strings, where the annotation names a ``Literal`` or an enumeration.
    """

    types: frozenset[type] = frozenset()
    choices: tuple[str, ...] = ()


# The files that define each section's class and its base classes.
SOURCES: dict[str, tuple[str, ...]] = {
    "train": (
        "trl/trainer/sft_config.py:SFTConfig",
        "trl/trainer/base_config.py:_BaseConfig",
        "transformers/training_args.py:TrainingArguments",
    ),
    "lora": (
        "peft/tuners/lora/config.py:LoraConfig",
        "peft/config.py:PeftConfig",
        "peft/config.py:PeftConfigMixin",
    ),
    "prompt_tuning": (
        "peft/tuners/prompt_tuning/config.py:PromptTuningConfig",
        "peft/config.py:PromptLearningConfig",
        "peft/config.py:PeftConfig",
        "peft/config.py:PeftConfigMixin",
    ),
    "quantization": ("transformers/utils/quantization_config.py:BitsAndBytesConfig.__init__",),
    "generation": ("transformers/generation/configuration_utils.py:GenerationConfig.__init__",),
    "model_config": ("transformers/modeling_utils.py:PreTrainedModel.from_pretrained",),
    "tokenizer_config": (
        "transformers/tokenization_utils_base.py:PreTrainedTokenizerBase.__init__",
        "transformers/tokenization_utils_base.py:PreTrainedTokenizerBase.from_pretrained",
        "transformers/models/auto/tokenization_auto.py:AutoTokenizer.from_pretrained",
    ),
}


_ENUMERATIONS = {
    "OptimizerNames": "transformers/training_args.py",
    "SchedulerType": "transformers/trainer_utils.py",
    "IntervalStrategy": "transformers/trainer_utils.py",
    "SaveStrategy": "transformers/trainer_utils.py",
    "TaskType": "peft/utils/peft_types.py",
    "PromptTuningInit": "peft/tuners/prompt_tuning/config.py",
}


@functools.cache
def keys(section: str) -> dict[str, Key]:
    """The keyword arguments of a section's class; a derived class overrides its base class."""
    found: dict[str, Key] = {}
    for source in reversed(SOURCES[section]):
        file, name = source.split(":")
        class_name, _, method = name.partition(".")
        definition = _definition(file, class_name)
        if not method:
            found.update(_fields(definition))
            continue
        function = next(item for item in definition.body if getattr(item, "name", None) == method)
        documented = _documented(ast.get_docstring(definition)) | _documented(ast.get_docstring(function))
        for key, value in _arguments(function).items():
            found[key] = value if value.types else documented.get(key, value)
    return found


@functools.cache
def _definition(file: str, name: str) -> ast.ClassDef:
    """The syntax tree of one class, without parsing the rest of its file."""
    package, _, rest = file.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"the package {package!r} is not installed: run `make setup`")
    source = (Path(spec.submodule_search_locations[0]) / rest).read_text(encoding="utf-8")
    block = re.search(rf"^class {name}\b.*?(?=^[^\s)]|\Z)", source, re.MULTILINE | re.DOTALL)
    return ast.parse(block.group()).body[0]


def _fields(node: ast.ClassDef) -> dict[str, Key]:
    fields = (item for item in node.body if isinstance(item, ast.AnnAssign))
    return {item.target.id: _key(item.annotation) for item in fields}


def _arguments(node: ast.FunctionDef) -> dict[str, Key]:
    """The parameters in the signature, and the names that the body takes out of ``kwargs``."""
    arguments = [*node.args.args, *node.args.kwonlyargs]
    defaults = [None] * (len(node.args.args) - len(node.args.defaults)) + node.args.defaults + node.args.kw_defaults
    found = {}
    for argument, default in zip(arguments, defaults, strict=True):
        if argument.annotation is not None:
            found[argument.arg] = _key(argument.annotation)
        elif isinstance(default, ast.Constant) and default.value is not None:
            found[argument.arg] = Key(frozenset({type(default.value)}))
        else:
            found[argument.arg] = Key()
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ("pop", "get"):
            owner, first = call.func.value, call.args[0] if call.args else None
            if isinstance(owner, ast.Name) and owner.id == "kwargs" and isinstance(first, ast.Constant):
                found.setdefault(str(first.value), Key())
    positional = {"self", "cls", "pretrained_model_name_or_path"}
    return {name: key for name, key in found.items() if name not in positional and not name.startswith("_")}


def _documented(docstring: str | None) -> dict[str, Key]:
    """Types as Hugging Face's docstrings give them: ``name (`int`, *optional*, defaults to 20):``."""
    found = {}
    for name, kind in re.findall(r"^\s*(\w+) \((`[^)]*?)(?:, \*?optional|\):|\)$)", docstring or "", re.MULTILINE):
        parts = re.split(r" or |, ", kind.replace("`", ""))
        types = {_SCALARS.get(part.split("[")[0].strip().lower()) for part in parts}
        if None not in types:
            found[name] = Key(frozenset(types | {type(None)}))
    return found


def _key(annotation: ast.expr) -> Key:
    types: set[type] = set()
    choices: list[str] = []
    for part in _alternatives(annotation):
        name = ast.unparse(part.value if isinstance(part, ast.Subscript) else part)
        if name == "Literal":
            values = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
            choices += [value.value for value in values if isinstance(value.value, str)]
            types |= {type(value.value) for value in values}
        elif name in _ENUMERATIONS:
            choices += _members(name)
            types.add(str)
        elif name in _SCALARS:
            types.add(_SCALARS[name])
        else:
            return Key()  # a class of the library, which checks its own values
    return Key(frozenset(types), tuple(choices))


def _members(enumeration: str) -> list[str]:
    """The values of an enumeration of strings."""
    body = _definition(_ENUMERATIONS[enumeration], enumeration).body
    return [item.value.value for item in body if isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant)]


def _alternatives(node: ast.expr) -> list[ast.expr]:
    """The members of ``A | B``, ``Union[A, B]`` and ``Optional[A]``."""
    if isinstance(node, ast.BinOp):
        return _alternatives(node.left) + _alternatives(node.right)
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Union":
        return [part for item in node.slice.elts for part in _alternatives(item)]
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Optional":
        return [*_alternatives(node.slice), ast.Constant(None)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _alternatives(ast.parse(node.value, mode="eval").body)
    return [node]
