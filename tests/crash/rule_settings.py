"""The settings of workers that may die while they do what a rule wants."""

from tests.crash.settings import *  # noqa: F403 - all of them, but for what follows

MESSAGE_POLICIES = [
    "tests.crash.rule_faults.die_of_poison",
    "tests.crash.faults.die_around_commit",
]
MESSAGE_EVENT_HANDLERS: list[str] = []
EMAIL_BACKEND = "tests.crash.rule_faults.MortalMail"
