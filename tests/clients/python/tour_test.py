"""docs/tour/boto3.md goes as it says."""

import contextlib
import io
import unittest

import documents
from client import ENDPOINT

PAGE = "docs/tour/boto3.md"


class Tour(unittest.TestCase):
    def test_five_minutes_with_boto3(self):
        (step,) = documents.steps(documents.text(PAGE), "python", ENDPOINT, "250000000001")
        code, shown = step
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, PAGE, "exec"), {})  # pylint: disable=exec-used
        self.assertEqual(printed.getvalue(), shown)
