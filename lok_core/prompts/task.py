"""What is asked beside the prompts of a task themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_REPAIR = """Below is a code review. Give its findings again as one JSON object of this JSON schema:

{schema}

Take every problem that the review reports, with its own words, severity, file, line and quoted code, and add
none. Write null where the review does not say. Answer with the JSON alone.

The review:

{review}"""


def repair(review: str, schema: Mapping[str, Any]) -> str:
    """Asks for the findings of an answer in which none could be recognised."""
    return _REPAIR.format(schema=json.dumps(schema), review=review)
