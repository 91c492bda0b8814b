"""The ways to work with several backends: one coroutine each, a Job in, a Report out."""
