"""What botocore sends again by itself, and that nothing is done twice."""

import unittest

from between import Between
from client import BROKEN_ENDPOINT, ENDPOINT, THROTTLED_ENDPOINT, US_NUMBER, connect, new_account

MODES = ("legacy", "standard")


def retries(mode, attempts):
    return {"mode": mode, "total_max_attempts": attempts}


class Retries(unittest.TestCase):
    def setUp(self):
        self.account = new_account()
        self.sms = connect(self.account)

    def after_a_lost_answer(self, call, **request):
        """Makes a call whose answer is lost. The client sends the same request again, with the client token that it has
        made up, and gets what it should have got before."""
        with Between(("lost", ENDPOINT), ENDPOINT) as between:
            answer = getattr(connect(self.account, between.endpoint), call)(**request)
        first, second = between.requests
        self.assertEqual(first, second)
        self.assertRegex(first["ClientToken"], "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual(answer["ResponseMetadata"]["RetryAttempts"], 1)
        return answer

    def test_one_pool_of_a_create_whose_answer_was_lost(self):
        self.sms.request_sender_id(SenderId="EXAMPLECO", IsoCountryCode="GB")
        pool = self.after_a_lost_answer(
            "create_pool", OriginationIdentity="EXAMPLECO", IsoCountryCode="GB", MessageType="TRANSACTIONAL"
        )
        self.assertEqual([one["PoolId"] for one in self.sms.describe_pools()["Pools"]], [pool["PoolId"]])

    def test_one_number_of_a_request_whose_answer_was_lost(self):
        number = self.after_a_lost_answer("request_phone_number", **US_NUMBER)
        numbers = self.sms.describe_phone_numbers()["PhoneNumbers"]
        self.assertEqual([one["PhoneNumberId"] for one in numbers], [number["PhoneNumberId"]])

    def test_members_come_and_go_once(self):
        first, second = (self.sms.request_phone_number(**US_NUMBER)["PhoneNumberId"] for _ in range(2))
        pool = self.sms.create_pool(OriginationIdentity=first, MessageType="TRANSACTIONAL")["PoolId"]
        for call in ("associate_origination_identity", "disassociate_origination_identity"):
            answer = self.after_a_lost_answer(call, PoolId=pool, OriginationIdentity=second, IsoCountryCode="US")
            self.assertEqual(answer["OriginationIdentity"], second)

    def test_what_has_a_name_is_not_refused_as_taken(self):
        self.after_a_lost_answer("request_sender_id", SenderId="EXAMPLECO", IsoCountryCode="GB")
        self.after_a_lost_answer("create_opt_out_list", OptOutListName="offers")

    def test_a_throttled_call_succeeds_later(self):
        for mode in MODES:
            with self.subTest(mode):
                sms = connect(new_account(), THROTTLED_ENDPOINT, retries=retries(mode, 10))
                attempts = (sms.describe_pools()["ResponseMetadata"]["RetryAttempts"] for _ in range(100))
                self.assertTrue(any(attempts))  # and no call raised

    def test_a_failed_call_succeeds_elsewhere(self):
        for mode in MODES:
            with self.subTest(mode), Between(BROKEN_ENDPOINT, ENDPOINT) as between:
                sms = connect(self.account, between.endpoint, retries=retries(mode, 2))
                created = sms.create_opt_out_list(OptOutListName=mode)
                self.assertEqual(created["ResponseMetadata"]["RetryAttempts"], 1)
                self.assertEqual(between.requests[0], between.requests[1])

    def test_a_refused_call_is_not_made_again(self):
        with Between(ENDPOINT) as between:
            sms = connect(self.account, between.endpoint)
            with self.assertRaises(sms.exceptions.ResourceNotFoundException):
                sms.delete_opt_out_list(OptOutListName="nobodys")
        self.assertEqual(len(between.requests), 1)
