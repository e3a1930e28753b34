"""params.yaml with some values changed for one command, in the form that ``dvc exp run -S`` takes."""

from tuning.config import params
from tuning.config.params import Params
from tuning.core.errors import UserError


def apply(changes: list[str]) -> Params:
    """All values of params.yaml in the working directory, changed and checked.

    Args:
        changes: ``key=value`` or ``section.key=value``, with ``+`` before it or not, as DVC's; values are YAML.

    Raises:
        UserError: a change is not of this form, or what comes out is wrong.
    """
    import yaml

    values = params.load(params.PATH)
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or not name:
            raise UserError(f"-S {change}: write key=value, for example -S train.max_length=256")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UserError(f"-S {change}: the value is not YAML: {' '.join(str(error).split())}") from None
        *sections, key = name.removeprefix("+").split(".")
        place = values
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise UserError(f"-S {change}: {section!r} is not a section")
        place[key] = value
    return params.checked(values, "with the changes of -S")
