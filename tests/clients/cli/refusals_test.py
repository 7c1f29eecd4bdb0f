"""What the CLI says of refusals, what it sends again by itself, and that nothing is done twice."""

import os
import unittest

from between import Between
from command import BROKEN_ENDPOINT, ENDPOINT, THROTTLED_ENDPOINT, Aws

RETRIES = {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "10"}


class Refusals(unittest.TestCase):
    def assert_refused(self, exception, operation, message, *arguments):
        done = Aws().run(*arguments)
        # Version 1 ended with 255 whatever was wrong.
        self.assertIn(done.returncode, (254, 255))
        self.assertEqual(done.stdout, "")
        self.assertIn(f"An error occurred ({exception}) when calling the {operation} operation: {message}", done.stderr)

    def test_the_reason_is_in_the_text(self):
        self.assert_refused(
            "ConflictException",
            "DeleteOptOutList",
            'Conflict Occurred - Reason="RESOURCE_MODIFICATION_NOT_ALLOWED" ResourceType="opt-out-list" '
            'ResourceId="Default"',
            *("delete-opt-out-list", "--opt-out-list-name", "Default"),
        )

    def test_the_fields_are_in_the_text(self):
        self.assert_refused(
            "ValidationException",
            "DescribePools",
            'Validation failed - Reason="INVALID_PARAMETER" Fields="poolIds[0],filters[0].values[0]"',
            *("describe-pools", "--pool-ids", "+1", "--filters", "Name=status,Values=#"),
        )


class Signatures(unittest.TestCase):
    endpoint = os.environ["POOLD_GUARDED_ENDPOINT"]
    key = os.environ["POOLD_GUARDED_KEY"]
    secret = os.environ["POOLD_GUARDED_SECRET"]

    def test_the_right_secret_acts_for_the_account_of_its_key(self):
        aws = Aws(self.endpoint, self.key, AWS_SECRET_ACCESS_KEY=self.secret)
        created = aws("create-opt-out-list", "--opt-out-list-name", "signed")
        self.assertEqual(created["OptOutListArn"].split(":")[4], os.environ["POOLD_GUARDED_ACCOUNT"])

    def test_a_request_without_a_signature_is_turned_away(self):
        done = Aws(self.endpoint).run("describe-pools", "--no-sign-request")
        self.assertIn("(MissingAuthenticationTokenException)", done.stderr)


class Retries(unittest.TestCase):
    def test_one_pool_of_a_create_whose_answer_was_lost(self):
        aws = Aws()
        aws("request-sender-id", "--sender-id", "EXAMPLECO", "--iso-country-code", "GB")
        with Between(("lost", ENDPOINT), ENDPOINT) as between:
            pool = Aws(between.endpoint, aws.account)(
                *("create-pool", "--origination-identity", "EXAMPLECO", "--iso-country-code", "GB"),
                *("--message-type", "TRANSACTIONAL"),
            )
        first, second = between.requests
        self.assertEqual(first, second)
        self.assertIn("ClientToken", first)
        self.assertEqual([one["PoolId"] for one in aws("describe-pools")["Pools"]], [pool["PoolId"]])

    def test_a_throttled_call_succeeds_later(self):
        with Between(("until refused", THROTTLED_ENDPOINT), THROTTLED_ENDPOINT) as between:
            self.assertEqual(Aws(between.endpoint, **RETRIES)("describe-pools"), {"Pools": []})
        self.assertGreater(len(between.requests), 1)

    def test_a_failed_call_succeeds_elsewhere(self):
        with Between(BROKEN_ENDPOINT, ENDPOINT) as between:
            self.assertEqual(Aws(between.endpoint, **RETRIES)("describe-pools"), {"Pools": []})
        self.assertEqual(len(between.requests), 2)
