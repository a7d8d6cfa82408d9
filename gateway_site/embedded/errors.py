"""What can go wrong before and while the servers run."""


class StartError(Exception):
    """Something cannot start. The text is for the operator: what is wrong and what to do."""


class DataDirInUse(StartError):
    """Another process has the data folder, and with it the private servers."""


class StopRequested(Exception):  # noqa: N818 - not an error: someone pressed Ctrl-C
    """Raised out of a wait when SIGINT, SIGTERM or SIGHUP has arrived."""
