"""The health monitor: names a run that fails, while it fails.

``measures`` looks at pictures and scores and gives numbers, ``rules`` are what those numbers must not be for long,
``monitor`` keeps the history, and ``remedies`` says what to try.
"""

from cganx.training.health.measures import Checkup
from cganx.training.health.monitor import FAILURE, RESTARTED, Monitor, replay
from cganx.training.health.remedies import remedies
from cganx.training.health.rules import NOT_FINITE, RULES, TRANSLATION_RULES, WINDOW, Balance, Finding, Rules

__all__ = [
    "FAILURE",
    "NOT_FINITE",
    "RESTARTED",
    "RULES",
    "TRANSLATION_RULES",
    "WINDOW",
    "Balance",
    "Checkup",
    "Finding",
    "Monitor",
    "Rules",
    "remedies",
    "replay",
]
