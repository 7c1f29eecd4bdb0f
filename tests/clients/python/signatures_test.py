"""Requests as botocore signs them, by a server that checks it."""

import json
import os
import unittest

from botocore.exceptions import ClientError

from client import US_NUMBER, connect

ENDPOINT = os.environ["POOLD_GUARDED_ENDPOINT"]
KEY = os.environ["POOLD_GUARDED_KEY"]
SECRET = os.environ["POOLD_GUARDED_SECRET"]


class Signatures(unittest.TestCase):
    def assert_turned_away(self, exception, sms):
        with self.assertRaises(ClientError) as caught:
            sms.describe_pools()
        self.assertEqual(caught.exception.response["Error"]["Code"], exception)

    def test_the_right_secret_acts_for_the_account_of_its_key(self):
        sms = connect(KEY, ENDPOINT, secret=SECRET)
        number = sms.request_phone_number(**US_NUMBER, Tags=[{"Key": "ä é", "Value": "/ü?&=%20 👋"}])
        self.assertEqual(number["PhoneNumberArn"].split(":")[4], os.environ["POOLD_GUARDED_ACCOUNT"])
        policy = json.dumps({"Statement": []}, indent=2)
        self.assertEqual(sms.put_resource_policy(ResourceArn=number["PhoneNumberArn"], Policy=policy)["Policy"], policy)

    def test_a_wrong_secret_is_turned_away(self):
        self.assert_turned_away("InvalidSignatureException", connect(KEY, ENDPOINT, secret=SECRET + "x"))

    def test_an_unknown_key_is_turned_away(self):
        self.assert_turned_away("UnrecognizedClientException", connect("AKIDNOBODY", ENDPOINT, secret=SECRET))
