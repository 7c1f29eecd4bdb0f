"""What the documents show of the AWS CLI goes as they say, with each version that people have, by that version's own
service model; so do the commands of the AWS guide, and what docs/tour says about test suites."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import documents

ENDPOINT = os.environ["POOLD_ENDPOINT"]
TOUR = documents.text("docs/tour/aws-cli.md")
# The commands that CLIs before the versions that the tour names do not have.
YOUNGER_COMMANDS = {"request-sender-id"}
UNPACKED = pathlib.Path(os.environ["POOLD_AWSCLI"])  # by unpack.sh


def run(aws, *command):
    """The ended process, to which `aws` is that CLI."""
    with tempfile.TemporaryDirectory(dir=os.environ["POOLD_WORK"]) as directory:
        return subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, "POOLD_TEST_AWS": str(aws)},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )


def commands_of(code):
    return set(re.findall(r"\bsms ([a-z-]+)", code))


class DocumentTest(unittest.TestCase):
    def assert_shown(self, aws, steps):
        """That the code of these steps prints what the page shows."""
        script = 'set -u\naws() { command "$POOLD_TEST_AWS" "$@"; }\n' + "\n".join(code for code, _ in steps)
        ran = run(aws, "bash", "-c", script)
        self.assertEqual(ran.stderr, "")
        # The jq of one line, the answer of the next: what programs put between them is theirs.
        self.assertEqual(ran.stdout.split(), "".join(shown for _, shown in steps).split())


class TestSuite(DocumentTest):
    def test_a_test_suite(self):
        steps = documents.steps(documents.text("docs/tour/test-your-software.md"), "sh", ENDPOINT, "450000000001")
        self.assert_shown(os.environ["POOLD_TEST_AWS"], steps)


class Tours:
    """The tests of one CLI; subclasses say which."""

    @classmethod
    def setUpClass(cls):
        printed = run(cls.aws, cls.aws, "--version").stdout
        cls.version = tuple(map(int, re.match(r"aws-cli/(\d+)\.(\d+)\.(\d+)", printed).groups()))

    def test_five_minutes_with_the_aws_cli(self):
        steps = documents.steps(TOUR, "sh", ENDPOINT, self.account)
        if self.runs_all():
            self.assert_shown(self.aws, steps)
            return
        commands = set().union(*(commands_of(code) for code, _ in steps))
        self.assertEqual(commands - self.known_commands(), YOUNGER_COMMANDS)
        known = [(code, shown) for code, shown in steps if not commands_of(code) & YOUNGER_COMMANDS]
        self.assertEqual(len(known), len(steps) - 1)
        self.assert_shown(self.aws, known)

    def test_one_minute_with_the_aws_cli(self):
        text = documents.text("README.md", "One minute with the AWS CLI")
        steps = documents.steps(text, "sh", ENDPOINT, str(int(self.account) + 2))
        self.assert_shown(self.aws, steps)

    def test_the_commands_of_the_aws_guide(self):
        guide = pathlib.Path(__file__).with_name("aws_guide.sh")
        ran = run(self.aws, guide, str(int(self.account) + 1))
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))

    def runs_all(self):
        """Whether the page promises the whole tour to this version."""
        second, first = re.search(r"CLI (2\.\d+\.\d+) and later \(of version 1: (1\.\d+) and later\)", TOUR).groups()
        first_that_does = {1: first, 2: second}[self.version[0]]
        return self.version >= tuple(map(int, first_that_does.split(".")))

    def known_commands(self):
        """As this CLI lists them when it is asked for one that there isn't."""
        listed = run(self.aws, self.aws, "pinpoint-sms-voice-v2", "none").stderr.partition("valid choices are:")[2]
        return set(re.findall(r"[a-z0-9-]+", listed))


class Debian12(Tours, DocumentTest):
    aws = UNPACKED / "bookworm" / "aws"
    account = "450000000101"

    def test_runs_all_but_the_sender_id(self):
        self.assertEqual((self.version[:2], self.runs_all()), ((2, 9), False))


class Backports(Tours, DocumentTest):
    aws = UNPACKED / "bookworm-backports" / "aws"
    account = "450000000201"

    def test_runs_all(self):
        self.assertEqual((self.version[:2], self.runs_all()), ((2, 17), True))


class OfThisMachine(Tours, DocumentTest):
    aws = os.environ["POOLD_TEST_AWS"]
    account = "450000000301"
