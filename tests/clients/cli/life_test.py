"""The whole life of each noun, by every command there is."""

import datetime
import json
import unittest

from command import US_NUMBER, Aws


class Life(unittest.TestCase):
    def setUp(self):
        self.aws = Aws()

    def arn(self, tail):
        return f"arn:aws:sms-voice:us-east-1:{self.aws.account}:{tail}"

    def test_pools_numbers_and_sender_ids(self):
        aws = self.aws
        channel = "arn:aws:sns:us-east-1:123456789012:incoming"
        first = aws("request-phone-number", *US_NUMBER)["PhoneNumberId"]
        second = aws("request-phone-number", *US_NUMBER, "--deletion-protection-enabled")["PhoneNumberId"]
        sender_id = ("--sender-id", "EXAMPLECO", "--iso-country-code", "GB")
        requested = aws("request-sender-id", *sender_id, "--message-types", "TRANSACTIONAL")
        self.assertEqual(requested["SenderIdArn"], self.arn("sender-id/EXAMPLECO/GB"))

        pool = aws(
            *("create-pool", "--origination-identity", first, "--message-type", "TRANSACTIONAL"),
            *("--deletion-protection-enabled", "--tags", "Key=Name,Value=Offers", "Key=team,Value=growth"),
        )
        pool_id = pool["PoolId"]
        self.assertEqual(pool["PoolArn"], self.arn(f"pool/{pool_id}"))
        self.assertEqual(pool["Tags"], [{"Key": "Name", "Value": "Offers"}, {"Key": "team", "Value": "growth"}])
        self.assertIs(pool["DeletionProtectionEnabled"], True)
        member = ("--pool-id", pool_id, "--origination-identity", second, "--iso-country-code", "US")
        self.assertEqual(aws("associate-origination-identity", *member)["OriginationIdentity"], second)
        members = aws("list-pool-origination-identities", "--pool-id", pool_id, "--page-size", "1")
        self.assertEqual([one["OriginationIdentity"] for one in members["OriginationIdentities"]], [first, second])
        updated = aws(
            *("update-pool", "--pool-id", pool_id, "--no-deletion-protection-enabled"),
            *("--two-way-enabled", "--two-way-channel-arn", channel),
        )
        filters = ("Name=status,Values=ACTIVE", f"Name=two-way-channel-arn,Values={channel},arn:aws:sns:other")
        self.assertEqual(aws("describe-pools", "--filters", *filters)["Pools"], [updated])
        self.assertEqual(aws("disassociate-origination-identity", *member)["PoolId"], pool_id)
        self.assertEqual(aws("delete-pool", "--pool-id", pool_id)["Status"], "DELETING")

        number = aws("update-phone-number", "--phone-number-id", second, "--no-deletion-protection-enabled")
        self.assertIs(number["DeletionProtectionEnabled"], False)
        self.assertEqual(aws("release-phone-number", "--phone-number-id", second)["Status"], "DELETED")
        numbers = aws("describe-phone-numbers")["PhoneNumbers"]
        self.assertEqual([one["PhoneNumberId"] for one in numbers], [first])

        self.assertIs(aws("update-sender-id", *sender_id, "--no-deletion-protection-enabled")["Registered"], False)
        self.assertEqual(aws("release-sender-id", *sender_id)["SenderId"], "EXAMPLECO")
        self.assertEqual(aws("describe-sender-ids"), {"SenderIds": []})

    def test_keywords(self):
        number = ("--origination-identity", self.aws("request-phone-number", *US_NUMBER)["PhoneNumberId"])
        message = "Offers of Example Co. – Reply STOP to stop. 👋"
        self.aws("put-keyword", *number, "--keyword", "info", "--keyword-message", message)
        keywords = self.aws("describe-keywords", *number, "--page-size", "2")["Keywords"]
        self.assertEqual([keyword["Keyword"] for keyword in keywords], ["HELP", "INFO", "STOP"])
        self.assertEqual(self.aws("delete-keyword", *number, "--keyword", "INFO")["KeywordMessage"], message)

    def test_opt_out_lists_with_tags_and_policies(self):
        aws = self.aws
        before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        created = aws("create-opt-out-list", "--opt-out-list-name", "offers")
        arn = created["OptOutListArn"]
        self.assertEqual(arn, self.arn("opt-out-list/offers"))
        lists = aws("describe-opt-out-lists")["OptOutLists"]
        self.assertEqual({one["OptOutListName"] for one in lists}, {"Default", "offers"})

        entry = ("--opt-out-list-name", "offers", "--opted-out-number", "+12065550142")
        put = aws("put-opted-out-number", *entry)
        listed = aws("describe-opted-out-numbers", "--opt-out-list-name", "offers")["OptedOutNumbers"]
        self.assertEqual([one["OptedOutTimestamp"] for one in listed], [put["OptedOutTimestamp"]])
        self.assertEqual(aws("delete-opted-out-number", *entry)["OptedOutNumber"], "+12065550142")
        texts = (created["CreatedTimestamp"], put["OptedOutTimestamp"])
        times = [datetime.datetime.fromisoformat(text) for text in texts]
        for time in times:
            self.assertLessEqual(before, time)
        self.assertNotEqual([time.microsecond for time in times], [0, 0])

        self.assertIsNone(aws("tag-resource", "--resource-arn", arn, "--tags", "Key=team,Value=growth"))
        tags = aws("list-tags-for-resource", "--resource-arn", arn)
        self.assertEqual(tags, {"ResourceArn": arn, "Tags": [{"Key": "team", "Value": "growth"}]})
        self.assertIsNone(aws("untag-resource", "--resource-arn", arn, "--tag-keys", "team"))

        policy = json.dumps({"Version": "2012-10-17", "Statement": []})
        aws("put-resource-policy", "--resource-arn", arn, "--policy", policy)
        self.assertEqual(aws("get-resource-policy", "--resource-arn", arn)["Policy"], policy)
        self.assertEqual(aws("delete-resource-policy", "--resource-arn", arn)["Policy"], policy)

        self.assertEqual(aws("delete-opt-out-list", "--opt-out-list-name", "offers")["OptOutListArn"], arn)

    def test_the_account(self):
        limits = self.aws("describe-account-limits", "--max-items", "2")
        self.assertEqual([limit["Name"] for limit in limits["AccountLimits"]], ["PHONE_NUMBERS", "POOLS"])
        self.assertIn("NextToken", limits)
        attributes = self.aws("describe-account-attributes")["AccountAttributes"]
        self.assertEqual(attributes, [{"Name": "ACCOUNT_TIER", "Value": "PRODUCTION"}])
