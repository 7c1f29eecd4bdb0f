"""What public scripts and tools send: AWS's user guide, Terraform, and scripts that spell names their own way."""

import unittest

from client import REGION, US_NUMBER, connect, new_account

CHANNEL = f"arn:aws:sns:{REGION}:123456789012:incoming"
ROLE = "arn:aws:iam::123456789012:role/incoming"


def two_way(response):
    return (response["TwoWayEnabled"], response.get("TwoWayChannelArn"), response.get("TwoWayChannelRole"))


class Scripts(unittest.TestCase):
    def setUp(self):
        self.account = new_account()
        self.sms = connect(self.account)

    def given_number(self):
        return self.sms.request_phone_number(**US_NUMBER)["PhoneNumberId"]

    def given_pool(self):
        return self.sms.create_pool(OriginationIdentity=self.given_number(), MessageType="TRANSACTIONAL")["PoolId"]

    def both(self):
        """A pool and a number, each with the operation that changes it and the one that shows it."""
        pool_id, number_id = self.given_pool(), self.given_number()
        yield (
            lambda **change: self.sms.update_pool(PoolId=pool_id, **change),
            lambda: self.sms.describe_pools(PoolIds=[pool_id])["Pools"][0],
        )
        yield (
            lambda **change: self.sms.update_phone_number(PhoneNumberId=number_id, **change),
            lambda: self.sms.describe_phone_numbers(PhoneNumberIds=[number_id])["PhoneNumbers"][0],
        )

    def test_the_guides_command_stores_a_channel_and_two_way_stays_off(self):  # behaviour 4.6
        for update, describe in self.both():
            updated = update(TwoWayChannelArn=CHANNEL, TwoWayChannelRole=ROLE)
            self.assertEqual(two_way(updated), (False, CHANNEL, ROLE))
            self.assertEqual(two_way(describe()), (False, CHANNEL, ROLE))
            self.assertEqual(two_way(update(TwoWayEnabled=True)), (True, CHANNEL, ROLE))

    def test_terraform_sends_the_channel_together_with_false_and_reads_it_back(self):  # behaviour 4.6
        for update, describe in self.both():
            change = {"TwoWayEnabled": False, "TwoWayChannelArn": CHANNEL, "TwoWayChannelRole": ROLE}
            update(**change, SelfManagedOptOutsEnabled=False, OptOutListName="Default")
            described = describe()
            self.assertEqual({name: described[name] for name in change}, change)

    def test_false_alone_keeps_the_channel_and_true_needs_one(self):  # behaviour 4.6
        for update, _ in self.both():
            for change in ({"TwoWayEnabled": True}, {"TwoWayChannelRole": ROLE}):
                with self.assertRaises(self.sms.exceptions.ValidationException) as refused:
                    update(**change)
                self.assertEqual(refused.exception.response["Reason"], "TWO_WAY_CHANNEL_NOT_PRESENT")
            update(TwoWayEnabled=True, TwoWayChannelArn=CHANNEL)
            self.assertEqual(two_way(update(TwoWayEnabled=False)), (False, CHANNEL, None))
            self.assertEqual(two_way(update(TwoWayEnabled=True)), (True, CHANNEL, None))

    def test_sender_ids_are_upper_case_however_they_are_written(self):  # behaviour 9
        requested = self.sms.request_sender_id(SenderId="ExampleCo", IsoCountryCode="GB")
        self.assertEqual(requested["SenderId"], "EXAMPLECO")
        self.assertEqual(
            requested["SenderIdArn"], f"arn:aws:sms-voice:{REGION}:{self.account}:sender-id/EXAMPLECO/GB"
        )
        for spelling in ("ExampleCo", "exampleco", "EXAMPLECO"):
            filters = [{"Name": "sender-id", "Values": [spelling]}]
            [found] = self.sms.describe_sender_ids(Filters=filters)["SenderIds"]
            self.assertEqual(found["SenderId"], "EXAMPLECO")
            [named] = self.sms.describe_sender_ids(SenderIds=[{"SenderId": spelling, "IsoCountryCode": "GB"}])[
                "SenderIds"
            ]
            self.assertEqual(named, found)

    def test_default_in_any_case_is_the_list_default(self):  # behaviour 10
        for spelling in ("default", "DEFAULT"):
            self.sms.put_opted_out_number(OptOutListName=spelling, OptedOutNumber="+12065550142")
            number = self.sms.request_phone_number(**US_NUMBER, OptOutListName=spelling)
            self.assertEqual(number["OptOutListName"], "Default")
            [found] = self.sms.describe_opt_out_lists(OptOutListNames=[spelling])["OptOutLists"]
            self.assertEqual(found["OptOutListName"], "Default")
        numbers = self.sms.describe_opted_out_numbers(OptOutListName="Default")["OptedOutNumbers"]
        self.assertEqual([entry["OptedOutNumber"] for entry in numbers], ["+12065550142"])

    def test_a_brand_is_requested_in_142_countries(self):  # behaviour 4.4
        refused = {"US", "CA", "CN", "AE", "EG", "IN", "JO", "KW", "QA", "RU", "SA", "SG", "TR", "VN"}
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        countries = [first + second for first in letters for second in letters if first + second not in refused][:142]
        for country in countries:
            self.sms.request_sender_id(SenderId="EXAMPLECO", IsoCountryCode=country)
        limits = {limit["Name"]: limit for limit in self.sms.describe_account_limits()["AccountLimits"]}
        self.assertEqual((limits["SENDER_IDS"]["Used"], limits["SENDER_IDS"]["Max"]), (142, 500))

    def test_canada_has_toll_free_and_simulator_numbers(self):
        for number_type in ("TOLL_FREE", "SIMULATOR"):
            number = self.sms.request_phone_number(
                **{**US_NUMBER, "IsoCountryCode": "CA", "NumberType": number_type}
            )
            self.assertEqual((number["IsoCountryCode"], number["NumberType"]), ("CA", number_type))
