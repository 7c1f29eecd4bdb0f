"""The aws CLI, as a command that is run against the servers under test."""

import itertools
import json
import os
import subprocess

import lend_model

ENDPOINT = os.environ["POOLD_ENDPOINT"]
THROTTLED_ENDPOINT = os.environ["POOLD_THROTTLED_ENDPOINT"]
BROKEN_ENDPOINT = os.environ["POOLD_BROKEN_ENDPOINT"]

US_NUMBER = (
    *("--iso-country-code", "US", "--message-type", "TRANSACTIONAL"),
    *("--number-capabilities", "SMS", "--number-type", "LONG_CODE"),
)

_accounts = itertools.count(400000000001)


class Aws:
    """Calls as an account of its own: `poold dev` takes an access key of 12 digits for the account that calls."""

    def __init__(self, endpoint=ENDPOINT, account=None, **environment):
        self.account = account or str(next(_accounts))
        self._endpoint = endpoint
        self._environment = {**os.environ, "AWS_ACCESS_KEY_ID": self.account, **environment}

    def run(self, *arguments):
        """The process, when it has ended."""
        return subprocess.run(
            [os.environ["POOLD_TEST_AWS"], "--endpoint-url", self._endpoint, "pinpoint-sms-voice-v2", *arguments],
            env=self._environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def __call__(self, *arguments):
        """The answer, or None if it is empty."""
        done = self.run(*arguments)
        if done.returncode != 0:
            raise AssertionError(f"aws {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None


# The CLI keeps its model to itself; what it can be asked for shows whether it has the youngest member that is ours.
if "NumberPreference" not in Aws()("request-phone-number", "--generate-cli-skeleton"):
    lend_model.lend()
