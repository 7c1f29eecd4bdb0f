"""boto3's paginators, over every operation that has pages."""

import unittest

from botocore import xform_name

from api_model import MODEL
from client import US_NUMBER, connect

TEXT = {"KeywordMessage": "Offers of Example Co."}


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """Three of everything, at least."""
        cls.sms = connect()
        cls.pools = [
            cls.sms.create_pool(OriginationIdentity=number, MessageType="TRANSACTIONAL")["PoolId"]
            for number in (cls.sms.request_phone_number(**US_NUMBER)["PhoneNumberId"] for _ in range(3))
        ]
        cls.pool = cls.pools[0]
        for sender_id in ("FIRST", "SECOND", "THIRD"):
            name = {"SenderId": sender_id, "IsoCountryCode": "GB"}
            cls.sms.request_sender_id(**name)
            cls.sms.associate_origination_identity(PoolId=cls.pool, OriginationIdentity=sender_id, IsoCountryCode="GB")
            cls.sms.create_opt_out_list(OptOutListName=sender_id)
            cls.sms.put_keyword(OriginationIdentity=cls.pool, Keyword=sender_id, **TEXT)
        for last in "123":
            cls.sms.put_opted_out_number(OptOutListName="FIRST", OptedOutNumber="+1206555014" + last)
        cls.arguments = {
            "ListPoolOriginationIdentities": {"PoolId": cls.pool},
            "DescribeKeywords": {"OriginationIdentity": cls.pool},
            "DescribeOptedOutNumbers": {"OptOutListName": "FIRST"},
        }

    def paginator_of(self, operation):
        return self.sms.get_paginator(xform_name(operation)), self.arguments.get(operation, {})

    def test_pages_together_are_the_whole(self):
        for operation, pagination in MODEL["pagination"].items():
            with self.subTest(operation):
                key = pagination["result_key"]
                paginator, arguments = self.paginator_of(operation)
                [whole] = paginator.paginate(**arguments)
                pages = list(paginator.paginate(**arguments, PaginationConfig={"PageSize": 1}))
                self.assertEqual([len(page[key]) for page in pages], [1] * len(whole[key]))
                self.assertEqual([item for page in pages for item in page[key]], whole[key])
                self.assertGreaterEqual(len(pages), 1 if operation == "DescribeAccountAttributes" else 3)
                for page in pages:
                    for fixed in pagination.get("non_aggregate_keys", []):
                        self.assertEqual(page[fixed], whole[fixed])

    def test_a_listing_goes_on_where_it_stopped(self):
        paginator, _ = self.paginator_of("DescribePools")
        first = paginator.paginate(PaginationConfig={"PageSize": 1, "MaxItems": 1}).build_full_result()
        rest = paginator.paginate(PaginationConfig={"StartingToken": first["NextToken"]}).build_full_result()
        self.assertEqual([pool["PoolId"] for pool in first["Pools"] + rest["Pools"]], self.pools)

    def test_filters_hold_on_every_page(self):
        paginator, arguments = self.paginator_of("ListPoolOriginationIdentities")
        pages = paginator.paginate(
            **arguments,
            Filters=[{"Name": "iso-country-code", "Values": ["GB"]}],
            PaginationConfig={"PageSize": 2},
        )
        found = [[item["OriginationIdentity"] for item in page["OriginationIdentities"]] for page in pages]
        self.assertEqual(found, [["FIRST", "SECOND"], ["THIRD"]])
