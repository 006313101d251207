"""Reading what `bulkload doctor` wrote: one clear line for everything that is wrong with it."""

from pathlib import Path

from pydantic import ValidationError

from connectors.extracts.mapping_file import told_faults, yaml_content
from connectors.start_up_files import read_start_up_file
from schemas.assumptions import INFERRED, Assumptions, Found
from schemas.errors import ConfigError

_MEMBERS = (*Assumptions.model_fields, *Found.model_fields)


def read_assumptions(path: Path | str | None) -> Assumptions:
    """What is assumed of a LUSID; without a file what is inferred of any.

    Raises:
        ConfigError: the file cannot be read, or something in it is wrong.
    """
    if path is None:
        return INFERRED
    try:
        text = read_start_up_file(Path(path)).decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"--assume {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"--assume {path} is not UTF-8 text") from None
    content = yaml_content(text, str(path))
    try:
        return Assumptions.model_validate({} if content is None else content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {told_faults(error, _MEMBERS)}") from None
