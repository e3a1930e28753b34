"""Every value of params.yaml, checked before anything costs time."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union

from tuning.config import declared, huggingface_keys, messages, rules
from tuning.config.own_keys import SECTIONS, Section, TopLevel
from tuning.config.refused_keys import NARROWED, REFUSED


def check(values: dict[str, Any]) -> list[str]:
    """All that is wrong with the values, a sentence each.

    Rules across keys are checked only when each value is right by itself.
    """
    top, known = TopLevel.model_fields, [*TopLevel.model_fields, *SECTIONS]
    problems = _own_problems("", TopLevel, values)
    problems += [f"{name!r} is missing" for name in SECTIONS if name not in values]
    for name, value in values.items():
        if name in SECTIONS:
            problems += _section_problems(name, SECTIONS[name], value)
        elif name not in top:
            problems.append(messages.unknown_key("", name, known, names_of_keys()))
    return problems or rules.broken(values)


def _section_problems(name: str, section: type[Section], values: Any) -> list[str]:
    if not isinstance(values, dict):
        return [f"{name!r} must be a mapping of keys to values, not {messages.shown(values)}"]
    problems = _own_problems(f"{name}.", section, values)
    own, arguments = section.model_fields, _arguments(name)
    for key, value in values.items():
        if (name, key) in REFUSED:
            problems.append(f"'{name}.{key}' {REFUSED[name, key]}")
        elif key in arguments and key not in own:
            problems.append(messages.wrong_value(f"{name}.{key}", arguments[key], value))
            problems.append(declared.undeclared_problem(name, key))
        elif key not in own:
            problems.append(messages.unknown_key(f"{name}.", key, [*own, *arguments], names_of_keys()))
    return [problem for problem in problems if problem]


def _own_problems(prefix: str, section: type[Section], values: dict[str, Any]) -> list[str]:
    """What is wrong with the project's own keys of a section; ``prefix`` is its name and a point."""
    problems = []
    for key, field in section.model_fields.items():
        if key not in values:
            problems.append(f"{prefix + key!r} is missing")
        elif isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            problems += _section_problems(prefix + key, field.annotation, values[key])
        else:
            problems.append(messages.wrong_value(prefix + key, Annotated[(field.annotation, field)], values[key]))
    return [problem for problem in problems if problem]


def _arguments(section: str) -> dict[str, Any]:
    """The keyword arguments of a section's class that may be set, and the type annotation of each."""
    if section not in huggingface_keys.SOURCES:
        return {}
    kinds = {key: _annotation(found) for key, found in huggingface_keys.keys(section).items()}
    kinds |= NARROWED.get(section, {})
    return {key: kind for key, kind in kinds.items() if (section, key) not in REFUSED}


def _annotation(key: huggingface_keys.Key) -> Any:
    """The values that a keyword argument takes, as a type annotation."""
    kinds = [kind for kind in (bool, int, float, str, list, dict, type(None)) if kind in key.types]
    if key.choices:
        kinds = [Literal[key.choices], *(kind for kind in kinds if kind is not str)]
    return Union[tuple(kinds)] if kinds else Any  # noqa: UP007, their number is not known


def names_of_keys() -> Iterator[str]:
    """The full names of the keys of all sections."""
    for section, keys in SECTIONS.items():
        yield from (f"{section}.{key}" for key in [*keys.model_fields, *_arguments(section)])
