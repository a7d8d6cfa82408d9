"""Crash tests: real processes, kill -9, and the simulated phone's radio.log as the truth.

| module | is about |
|---|---|
| ``gateway``, ``child``, ``server`` | one gateway's processes and servers, to kill and start |
| ``settings``, ``faults`` | its settings here, and where its processes die when asked to |
| ``phone``, ``impatient_phone`` | the simulated phone's process and what its radio did |
| ``account``, ``client``, ``load`` | who sends, over HTTP, and many of them at once |
| ``wire`` | a proxy that cuts connections |
| ``evidence``, ``oracle`` | what was accepted, what left and what the API says; who is wrong |

``CRASH_SEED`` repeats the random choices of a run, ``CRASH_ROUNDS=20`` makes the random tests
twenty times as long.
"""
