"""What messages in words alone are taken for."""

from lok_core import KnownFailure, recognised

KNOWN = (
    KnownFailure("quota|limit of the day", "quota", "{owner} has used up its quota", "wait"),
    KnownFailure("limit", "rate_limit", "{owner} is asked too often"),
)


def test_the_first_that_matches_counts_whatever_the_case():
    told = recognised(KNOWN, "429: LIMIT of the Day", "No more today.", owner="the account")
    assert told == ("quota", "the account has used up its quota: No more today.", "wait")


def test_what_nobody_knows_is_told_as_it_is():
    assert recognised(KNOWN, "{boom}", "{boom}", owner="x") == ("protocol", "{boom}", "")


def test_silence_is_said_to_be_one():
    assert recognised(KNOWN, "", "", owner="x") == ("protocol", "no reason given", "")
