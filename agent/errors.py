"""Errors whose text is one sentence for the person who runs the agent."""


class AgentError(Exception):
    """Something that this person can act on; the program prints it and exits with `exit_code`."""

    exit_code = 1


class WrongOption(AgentError):
    """Something chosen in the environment that there is not; argparse ends with the same code."""

    exit_code = 2


class TokenRefused(AgentError):
    """The gateway does not know this phone (any more): starting again cannot help."""

    exit_code = 3
