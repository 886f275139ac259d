"""The long run of all evaluators against each other: `python -m tests.campaigns.conditions [cases] [first seed]`.

Prints every disagreement by its seed; exit status 1 if there is one.
"""

from __future__ import annotations

import sys
from itertools import chain

from tests.unit.conditions.agreement import disagreements
from tests.unit.conditions.engine_agreement import engine_disagreements, whole_disagreements
from tests.unit.conditions.generate import KINDS, SWINGS


def main() -> int:
    """Both ways of telling a path, swings once more, and many specs in one engine: beside conditions of their own,
    restarted on the way, and by definition. All over the seeds asked for."""
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    seeds = range(first, first + cases)
    both = [disagreements(seeds, live=live, kinds=kinds) for kinds in (KINDS, SWINGS) for live in (False, True)]
    many = [engine_disagreements(seeds), engine_disagreements(seeds, restarts=0.2), whole_disagreements(seeds)]
    found = list(chain.from_iterable([*both, *many]))
    print("\n".join(found) or f"{cases} cases, told whole, live and to the engine: no disagreement")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
