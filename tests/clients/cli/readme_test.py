"""README.md's five minutes with the AWS CLI, and what it says about test suites, go as it says."""

import os
import subprocess
import tempfile
import unittest

import readme
from command import ENDPOINT


class Readme(unittest.TestCase):
    def run_section(self, section, account):
        steps = readme.steps(section, "sh", ENDPOINT, account)
        script = 'set -u\naws() { command "$POOLD_TEST_AWS" "$@"; }\n' + "\n".join(code for code, _ in steps)
        with tempfile.TemporaryDirectory(dir=os.environ["POOLD_WORK"]) as directory:
            ran = subprocess.run(
                ["bash", "-c", script], cwd=directory, capture_output=True, encoding="utf-8", check=False
            )
        self.assertEqual(ran.stderr, "")
        # The jq of one line, the answer of the next: what programs put between them is theirs.
        self.assertEqual(ran.stdout.split(), "".join(shown for _, shown in steps).split())

    def test_five_minutes_with_the_aws_cli(self):
        self.run_section("Five minutes with the AWS CLI", "450000000001")

    def test_a_test_suite(self):
        self.run_section("Test your software against it", "450000000002")
