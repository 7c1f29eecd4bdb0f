"""The whole life of each noun, by every operation there is."""

import datetime
import json
import unittest

from client import REGION, US_NUMBER, connect, new_account

CHANNEL = f"arn:aws:sns:{REGION}:123456789012:incoming"


class Life(unittest.TestCase):
    def setUp(self):
        self.account = new_account()
        self.sms = connect(self.account)

    def arn(self, tail):
        return f"arn:aws:sms-voice:{REGION}:{self.account}:{tail}"

    def test_pools(self):
        first, second = (self.sms.request_phone_number(**US_NUMBER)["PhoneNumberId"] for _ in range(2))
        self.sms.request_sender_id(SenderId="EXAMPLECO", IsoCountryCode="GB")

        pool = self.sms.create_pool(
            OriginationIdentity=first,
            IsoCountryCode="US",
            MessageType="TRANSACTIONAL",
            DeletionProtectionEnabled=True,
            Tags=[{"Key": "Name", "Value": "Offers"}],
        )
        pool_id = pool["PoolId"]
        self.assertRegex(pool_id, "^pool-[0-9a-f]{32}$")
        self.assertEqual(pool["PoolArn"], self.arn(f"pool/{pool_id}"))
        self.assertEqual(pool["Tags"], [{"Key": "Name", "Value": "Offers"}])
        self.assertIs(pool["DeletionProtectionEnabled"], True)
        self.assertIs(pool["TwoWayEnabled"], False)

        for identity, country in ((second, "US"), ("EXAMPLECO", "GB")):
            associated = self.sms.associate_origination_identity(
                PoolId=pool_id, OriginationIdentity=identity, IsoCountryCode=country
            )
            self.assertEqual(associated["OriginationIdentity"], identity)
            self.assertEqual(associated["IsoCountryCode"], country)
        members = self.sms.list_pool_origination_identities(PoolId=pool["PoolArn"])["OriginationIdentities"]
        self.assertEqual([member["OriginationIdentity"] for member in members], [first, second, "EXAMPLECO"])
        self.assertEqual(members[2]["NumberCapabilities"], ["SMS"])
        self.assertNotIn("PhoneNumber", members[2])

        updated = self.sms.update_pool(
            PoolId=pool_id,
            TwoWayEnabled=True,
            TwoWayChannelArn=CHANNEL,
            SelfManagedOptOutsEnabled=True,
            SharedRoutesEnabled=True,
            DeletionProtectionEnabled=False,
        )
        self.assertEqual(updated["TwoWayChannelArn"], CHANNEL)
        [described] = self.sms.describe_pools(PoolIds=[pool_id])["Pools"]
        del updated["ResponseMetadata"]
        self.assertEqual(described, updated)
        filters = [{"Name": "two-way-enabled", "Values": ["true"]}, {"Name": "status", "Values": ["ACTIVE"]}]
        self.assertEqual(self.sms.describe_pools(Filters=filters)["Pools"], [described])
        filters[0]["Values"] = ["false"]
        self.assertEqual(self.sms.describe_pools(Filters=filters)["Pools"], [])

        self.sms.disassociate_origination_identity(PoolId=pool_id, OriginationIdentity=second, IsoCountryCode="US")
        self.assertEqual(self.sms.delete_pool(PoolId=pool_id)["Status"], "DELETING")
        self.assertEqual(self.sms.describe_pools()["Pools"], [])
        numbers = self.sms.describe_phone_numbers()["PhoneNumbers"]
        self.assertEqual([number.get("PoolId") for number in numbers], [None, None])

    def test_phone_numbers(self):
        number = self.sms.request_phone_number(
            **US_NUMBER, DeletionProtectionEnabled=True, Tags=[{"Key": "team", "Value": "growth"}]
        )
        number_id = number["PhoneNumberId"]
        self.assertEqual(number["PhoneNumberArn"], self.arn(f"phone-number/{number_id}"))
        self.assertRegex(number["PhoneNumber"], r"^\+1[0-9]{10}$")
        self.assertEqual(number["OptOutListName"], "Default")
        updated = self.sms.update_phone_number(
            PhoneNumberId=number_id, TwoWayEnabled=True, TwoWayChannelArn=CHANNEL, DeletionProtectionEnabled=False
        )
        self.assertIs(updated["TwoWayEnabled"], True)
        self.assertIs(updated["DeletionProtectionEnabled"], False)
        filters = [{"Name": "two-way-channel-arn", "Values": [CHANNEL]}]
        [described] = self.sms.describe_phone_numbers(Filters=filters)["PhoneNumbers"]
        self.assertEqual(described["PhoneNumberId"], number_id)
        self.assertEqual(self.sms.release_phone_number(PhoneNumberId=number_id)["Status"], "DELETED")
        self.assertEqual(self.sms.describe_phone_numbers()["PhoneNumbers"], [])

    def test_a_number_is_requested_into_a_pool(self):
        first = self.sms.request_phone_number(**US_NUMBER)["PhoneNumberId"]
        pool_id = self.sms.create_pool(OriginationIdentity=first, MessageType="TRANSACTIONAL")["PoolId"]
        self.assertEqual(self.sms.request_phone_number(**US_NUMBER, PoolId=pool_id)["PoolId"], pool_id)

    def test_sender_ids(self):
        name = {"SenderId": "EXAMPLECO", "IsoCountryCode": "GB"}
        requested = self.sms.request_sender_id(**name, MessageTypes=["PROMOTIONAL"])
        self.assertEqual(requested["SenderIdArn"], self.arn("sender-id/EXAMPLECO/GB"))
        self.assertEqual(requested["MessageTypes"], ["PROMOTIONAL"])
        self.sms.update_sender_id(**name, DeletionProtectionEnabled=True)
        [described] = self.sms.describe_sender_ids(SenderIds=[name])["SenderIds"]
        self.assertEqual((described["DeletionProtectionEnabled"], described["Registered"]), (True, False))
        self.sms.update_sender_id(**name, DeletionProtectionEnabled=False)
        self.assertEqual(self.sms.release_sender_id(**name)["SenderId"], "EXAMPLECO")
        self.assertEqual(self.sms.describe_sender_ids()["SenderIds"], [])

    def test_keywords(self):
        number_id = self.sms.request_phone_number(**US_NUMBER)["PhoneNumberId"]
        info = {"Keyword": "INFO", "KeywordMessage": "Offers of Example Co. – Reply STOP to stop. 👋"}
        put = self.sms.put_keyword(OriginationIdentity=number_id, **{**info, "Keyword": "info"})
        self.assertEqual(put["OriginationIdentityArn"], self.arn(f"phone-number/{number_id}"))
        keywords = self.sms.describe_keywords(OriginationIdentity=number_id)["Keywords"]
        self.assertEqual([keyword["Keyword"] for keyword in keywords], ["HELP", "INFO", "STOP"])
        self.assertEqual(keywords[1], {**info, "KeywordAction": "AUTOMATIC_RESPONSE"})
        opting_out = self.sms.describe_keywords(
            OriginationIdentity=number_id, Filters=[{"Name": "keyword-action", "Values": ["OPT_OUT"]}]
        )
        self.assertEqual([keyword["Keyword"] for keyword in opting_out["Keywords"]], ["STOP"])
        deleted = self.sms.delete_keyword(OriginationIdentity=number_id, Keyword="INFO")
        self.assertEqual(deleted["KeywordMessage"], info["KeywordMessage"])

    def test_tags(self):
        arn = self.sms.create_opt_out_list(OptOutListName="offers")["OptOutListArn"]
        self.assertEqual(self.sms.list_tags_for_resource(ResourceArn=arn)["Tags"], [])
        tags = [{"Key": "empty", "Value": ""}, {"Key": "team", "Value": "growth"}]
        self.sms.tag_resource(ResourceArn=arn, Tags=tags)
        listed = self.sms.list_tags_for_resource(ResourceArn=arn)
        self.assertEqual((listed["ResourceArn"], listed["Tags"]), (arn, tags))
        self.sms.untag_resource(ResourceArn=arn, TagKeys=["team", "never there"])
        self.assertEqual(self.sms.list_tags_for_resource(ResourceArn=arn)["Tags"], tags[:1])

    def test_opt_out_lists(self):
        created = self.sms.create_opt_out_list(OptOutListName="offers", Tags=[{"Key": "team", "Value": "growth"}])
        self.assertEqual(created["OptOutListArn"], self.arn("opt-out-list/offers"))
        lists = self.sms.describe_opt_out_lists()["OptOutLists"]
        self.assertEqual({one["OptOutListName"] for one in lists}, {"Default", "offers"})
        entry = {"OptOutListName": "offers", "OptedOutNumber": "+12065550142"}
        put = self.sms.put_opted_out_number(**entry)
        self.assertIs(put["EndUserOptedOut"], False)
        [described] = self.sms.describe_opted_out_numbers(OptOutListName="offers")["OptedOutNumbers"]
        self.assertEqual(described["OptedOutTimestamp"], put["OptedOutTimestamp"])
        self.assertEqual(self.sms.delete_opted_out_number(**entry)["OptedOutNumber"], "+12065550142")
        self.assertEqual(self.sms.describe_opted_out_numbers(OptOutListName="offers")["OptedOutNumbers"], [])
        self.assertEqual(self.sms.delete_opt_out_list(OptOutListName="offers")["OptOutListName"], "offers")

    def test_resource_policies(self):
        arn = self.sms.create_opt_out_list(OptOutListName="shared")["OptOutListArn"]
        self.assertEqual(self.sms.get_resource_policy(ResourceArn=arn)["Policy"], "{}")
        other = new_account()
        policy = json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"AWS": other}, "Action": "sms-voice:Describe*", "Resource": arn}
                ],
            }
        )
        put = self.sms.put_resource_policy(ResourceArn=arn, Policy=policy)
        got = self.sms.get_resource_policy(ResourceArn=arn)
        self.assertEqual((got["Policy"], got["CreatedTimestamp"]), (policy, put["CreatedTimestamp"]))
        shared = connect(other).describe_opt_out_lists(Owner="SHARED")["OptOutLists"]
        self.assertEqual([one["OptOutListArn"] for one in shared], [arn])
        self.assertEqual(self.sms.delete_resource_policy(ResourceArn=arn)["Policy"], policy)
        self.assertEqual(self.sms.get_resource_policy(ResourceArn=arn)["Policy"], "{}")

    def test_the_account(self):
        self.sms.create_opt_out_list(OptOutListName="offers")
        limits = {limit["Name"]: limit for limit in self.sms.describe_account_limits()["AccountLimits"]}
        self.assertEqual(limits["OPT_OUT_LISTS"], {"Name": "OPT_OUT_LISTS", "Used": 2, "Max": 25})
        attributes = self.sms.describe_account_attributes()["AccountAttributes"]
        self.assertEqual(attributes, [{"Name": "ACCOUNT_TIER", "Value": "PRODUCTION"}])

    def test_times_are_datetimes_with_milliseconds(self):
        before = datetime.datetime.now(datetime.timezone.utc)
        before = before.replace(microsecond=before.microsecond // 1000 * 1000)
        times = [self.sms.create_opt_out_list(OptOutListName=f"list-{i}")["CreatedTimestamp"] for i in range(3)]
        after = datetime.datetime.now(datetime.timezone.utc)
        for time in times:
            self.assertLessEqual(before, time)
            self.assertLessEqual(time, after)
            self.assertEqual(time.microsecond % 1000, 0)
        self.assertNotEqual([time.microsecond for time in times], [0, 0, 0])
