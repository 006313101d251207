"""The example calls of the API reference, as data.

Owns: reading `tests/samples/api/*.json`, one file for each call of the reference, whose bodies and
parameters are the documents' own and never edited. Must not know what a call is supposed to do.
"""

import json
from dataclasses import dataclass
from pathlib import Path

SAMPLES = Path(__file__).parents[1] / "samples" / "api"


@dataclass(frozen=True)
class ApiExample:
    """One example call.

    Attributes:
        source: the document it stands in.
        call: class and method of the SDK, `OrderManagementApi.create_orders`.
        request: method and path, `POST /api/ordermanagement/createorders`.
        model: type of the body as the document spells it, `Dict[str, ResourceId]`.
        parameter: the SDK's name for the body's parameter.
        params: the other parameters by the SDK's names; some are the document's placeholders.
        body: the body as parsed JSON.
    """

    source: str
    call: str
    request: str
    model: str
    parameter: str
    params: dict[str, str | bool]
    body: object

    @property
    def text(self) -> str:
        """The body as JSON text."""
        return json.dumps(self.body)


def api_example(name: str) -> ApiExample:
    """Read one example by its file's name, `investor-records`."""
    return ApiExample(**json.loads((SAMPLES / f"{name}.json").read_text()))


def api_examples() -> dict[str, ApiExample]:
    """Read every example, by file name."""
    return {path.stem: api_example(path.stem) for path in sorted(SAMPLES.glob("*.json"))}
