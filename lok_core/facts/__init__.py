"""Facts about a code base, for prompts: from a closed list of names, so that none of a directory's own words
gets into a prompt."""

from lok_core.facts.detected import Facts as Facts
from lok_core.facts.detected import detect as detect
from lok_core.facts.known import known as known
from lok_core.facts.wording import PLACEHOLDERS as PLACEHOLDERS
from lok_core.facts.wording import Informed as Informed
from lok_core.facts.wording import filled as filled
from lok_core.facts.wording import informed as informed
from lok_core.facts.wording import prevented as prevented
from lok_core.facts.wording import summary as summary
