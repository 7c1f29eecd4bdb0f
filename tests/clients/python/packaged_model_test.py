"""A client as it was packaged, whatever the age of its model."""

import os
import unittest
from unittest import mock

import boto3

from client import US_NUMBER, connect


class PackagedModel(unittest.TestCase):
    def test_manages_pools(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("AWS_DATA_PATH", None)
            sms = connect(session=boto3.session.Session())
        first, second = (sms.request_phone_number(**US_NUMBER)["PhoneNumberId"] for _ in range(2))
        pool = sms.create_pool(OriginationIdentity=first, IsoCountryCode="US", MessageType="TRANSACTIONAL")["PoolId"]
        sms.associate_origination_identity(PoolId=pool, OriginationIdentity=second, IsoCountryCode="US")
        self.assertEqual([one["PoolId"] for one in sms.describe_pools(PoolIds=[pool])["Pools"]], [pool])
        self.assertEqual(len(sms.list_pool_origination_identities(PoolId=pool)["OriginationIdentities"]), 2)
        sms.disassociate_origination_identity(PoolId=pool, OriginationIdentity=second, IsoCountryCode="US")
        sms.delete_pool(PoolId=pool)
        self.assertEqual(sms.describe_pools()["Pools"], [])
