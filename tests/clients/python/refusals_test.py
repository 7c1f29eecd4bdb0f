"""Refusals as boto3's exceptions: their types, and everything that they say."""

import json
import unittest

from client import BROKEN_ENDPOINT, REGION, THROTTLED_ENDPOINT, US_NUMBER, connect, new_account

NOBODYS_POOL = "pool-0123456789abcdef0123456789abcdef"


class Refusals(unittest.TestCase):
    def setUp(self):
        self.account = new_account()
        self.sms = connect(self.account)

    def assert_refused(self, exception, call, **request):
        with self.assertRaises(exception) as caught:
            call(**request)
        response = caught.exception.response
        self.assertEqual(response["Error"]["Code"], exception.__name__)
        self.assertEqual(response["Error"]["Message"], response["Message"])
        self.assertRegex(response["ResponseMetadata"]["RequestId"], "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual(response["ResponseMetadata"]["RetryAttempts"], 0)
        return response

    def test_a_conflict(self):
        number = self.sms.request_phone_number(**US_NUMBER)["PhoneNumberId"]
        pool = self.sms.create_pool(
            OriginationIdentity=number, MessageType="TRANSACTIONAL", DeletionProtectionEnabled=True
        )["PoolId"]
        refusal = self.assert_refused(self.sms.exceptions.ConflictException, self.sms.delete_pool, PoolId=pool)
        self.assertEqual(
            (refusal["Reason"], refusal["ResourceType"], refusal["ResourceId"]),
            ("DELETION_PROTECTION_ENABLED", "pool", pool),
        )
        self.assertIn(
            f'Conflict Occurred - Reason="DELETION_PROTECTION_ENABLED" ResourceType="pool" ResourceId="{pool}"',
            refusal["Message"],
        )

    def test_a_resource_that_is_not_there(self):
        refusal = self.assert_refused(
            self.sms.exceptions.ResourceNotFoundException, self.sms.describe_pools, PoolIds=[NOBODYS_POOL]
        )
        self.assertEqual((refusal["ResourceType"], refusal["ResourceId"]), ("pool", NOBODYS_POOL))

    def test_an_invalid_request_with_all_that_is_wrong(self):
        refusal = self.assert_refused(
            self.sms.exceptions.ValidationException,
            self.sms.create_pool,
            OriginationIdentity="+12065550142",
            IsoCountryCode="us",
            MessageType="TRANSACTIONAL",
        )
        self.assertEqual(refusal["Reason"], "INVALID_PARAMETER")
        self.assertEqual([field["Name"] for field in refusal["Fields"]], ["originationIdentity", "isoCountryCode"])
        for field in refusal["Fields"]:
            self.assertTrue(field["Message"])

    def test_parameters_that_exclude_each_other(self):
        refusal = self.assert_refused(
            self.sms.exceptions.ValidationException, self.sms.describe_pools, PoolIds=[NOBODYS_POOL], Owner="SELF"
        )
        self.assertEqual(refusal["Reason"], "PARAMETERS_CANNOT_BE_USED_TOGETHER")

    def test_a_used_up_quota(self):
        for number in range(24):  # the account has the list Default
            self.sms.create_opt_out_list(OptOutListName=f"list-{number}")
        refusal = self.assert_refused(
            self.sms.exceptions.ServiceQuotaExceededException,
            self.sms.create_opt_out_list,
            OptOutListName="one-too-many",
        )
        self.assertEqual(refusal["Reason"], "OPT_OUT_LISTS_PER_ACCOUNT")

    def test_what_only_the_owner_may_do(self):
        arn = self.sms.create_opt_out_list(OptOutListName="shared")["OptOutListArn"]
        other = new_account()
        statement = {"Effect": "Allow", "Principal": {"AWS": other}, "Action": "*", "Resource": "*"}
        self.sms.put_resource_policy(ResourceArn=arn, Policy=json.dumps({"Statement": [statement]}))
        consumer = connect(other)
        refusal = self.assert_refused(
            consumer.exceptions.AccessDeniedException, consumer.delete_opt_out_list, OptOutListName=arn
        )
        self.assertNotIn("Reason", refusal)

    def test_a_client_token_that_was_used_for_another_request(self):
        self.sms.create_opt_out_list(OptOutListName="first", ClientToken="once")
        refusal = self.assert_refused(
            self.sms.exceptions.ValidationException,
            self.sms.create_opt_out_list,
            OptOutListName="second",
            ClientToken="once",
        )
        self.assertEqual(refusal["Reason"], "INVALID_REQUEST")
        self.assertEqual([field["Name"] for field in refusal["Fields"]], ["clientToken"])

    def test_throttling(self):
        sms = connect(self.account, THROTTLED_ENDPOINT, retries={"mode": "standard", "total_max_attempts": 1})

        def call_often():
            for _ in range(100):
                sms.describe_account_limits()

        self.assert_refused(sms.exceptions.ThrottlingException, call_often)

    def test_a_failure_of_the_service(self):
        sms = connect(self.account, BROKEN_ENDPOINT, retries={"mode": "standard", "total_max_attempts": 1})
        refusal = self.assert_refused(sms.exceptions.InternalServerException, sms.describe_pools)
        self.assertEqual(refusal["ResponseMetadata"]["HTTPStatusCode"], 500)
        self.assertEqual(refusal["RequestId"], refusal["ResponseMetadata"]["RequestId"])
