"""Parse bodies with the SDK's own models and write back what is left of them.

Runs inside an SDK's environment. stdin: [{"model": "Dict[str, ResourceId]", "body": JSON text}].
stdout: for each case {"text"}, what the SDK writes back, or {"error"}, why it would not. The SDK
drops unknown members without a word: whoever asks compares.
"""

import json
import sys

import models


def parsed(case: dict[str, str]) -> dict[str, str]:
    """Parse one case and write it back; a refusal is an answer, not a crash."""
    try:
        return {"text": models.written(models.read(case["model"], case["body"]))}
    except (TypeError, ValueError) as refusal:
        return {"error": f"{type(refusal).__name__}: {refusal}"}


json.dump([parsed(case) for case in json.load(sys.stdin)], sys.stdout)
