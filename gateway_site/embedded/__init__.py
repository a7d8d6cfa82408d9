"""Private PostgreSQL and Redis from wheels, and the supervisor behind ``manage.py up``.

| module | is about |
|---|---|
| ``binaries`` | where the wheels keep the server programs |
| ``postgres``, ``redis`` | how one private server is prepared, started and recognised as ready |
| ``servers`` | both together, unless ``DATABASE_URL`` or ``REDIS_URL`` name others |
| ``process`` | one child process that cannot outlive its parent |
| ``privileges``, ``sockets`` | starting as root; short folders for unix sockets |
| ``lock``, ``signals`` | one supervisor per data folder; Ctrl-C |
| ``__main__`` | ``python -m gateway_site.embedded -- COMMAND``: both servers around a command |
| ``startup`` | the whole life of ``manage.py up`` … |
| ``config``, ``children``, ``supervisor`` | … what it is told, starts and keeps running, |
| ``readiness``, ``watchdog``, ``logs`` | … how it sees that all stays well, |
| ``phone`` | … where the demo phone calls, |
| ``first_run``, ``banner`` | … and how it tells the operator |

Nothing here imports Django's settings: those need a database, and this is what starts it.
"""
