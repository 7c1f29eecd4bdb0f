"""README.md's five minutes with boto3 go as it says."""

import contextlib
import io
import unittest

import readme
from client import ENDPOINT


class Readme(unittest.TestCase):
    def test_five_minutes_with_boto3(self):
        (step,) = readme.steps("Five minutes with boto3", "python", ENDPOINT, "250000000001")
        code, shown = step
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), {})  # pylint: disable=exec-used
        self.assertEqual(printed.getvalue(), shown)
