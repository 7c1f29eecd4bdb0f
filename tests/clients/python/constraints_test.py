"""Every constraint of the service model, violated once by a client that checks nothing itself.

The cases are made from the model. Each is a request that is valid but for one thing.
"""

import re
import unittest

from botocore import xform_name
from botocore.exceptions import ClientError

from api_model import OPERATIONS, SHAPES
from client import connect

MISSING = "MISSING_PARAMETER"
INVALID = "INVALID_PARAMETER"

# The first of these that a shape allows stands for it.
VALID = [
    "phone-0123456789abcdef0123456789abcdef",
    "GB",
    "+12065550142",
    "arn:aws:sms-voice:us-east-1:123456789012:pool/pool-0123456789abcdef0123456789abcdef",
]
VALID_POLICY = '{"Version": "2012-10-17", "Statement": []}'


def allows(shape, text):
    size = shape.get("min", 0) <= len(text) <= shape.get("max", len(text))
    return size and re.fullmatch(shape.get("pattern", r"[\s\S]*"), text) is not None


def valid(name, number=0):
    """A value of that shape; as far as the shape goes, each number has a value of its own."""
    shape = SHAPES[name]
    if shape["type"] == "structure":
        return {member: valid(of["shape"], number) for member, of in shape["members"].items()}
    if shape["type"] == "list":
        return [valid(shape["member"]["shape"], number)]
    if shape["type"] == "boolean":
        return True
    if shape["type"] == "integer":
        return shape["min"]
    if "enum" in shape:
        return shape["enum"][number % len(shape["enum"])]
    if name == "ResourcePolicy":
        return VALID_POLICY
    text = next(text for text in VALID if allows(shape, text))
    return text + str(number) if number > 0 and allows(shape, text + str(number)) else text


def valid_request(operation):
    shape = SHAPES[OPERATIONS[operation]["input"]["shape"]]
    return {member: valid(shape["members"][member]["shape"]) for member in shape.get("required", [])}


def camel(member):
    return member[0].lower() + member[1:]


def violations_of_a_text(shape, text):
    if shape.get("min", 0) > 0:
        yield "too short", text[: shape["min"] - 1]
    if "max" in shape:
        yield "too long", text + text[-1] * (shape["max"] + 1 - len(text))
    if "pattern" in shape:
        of_that_length = [text[:-1] + wrong for wrong in "\n é!"] + [" " * len(text)]
        broken = [other for other in of_that_length if not allows(shape, other)]
        if broken:
            yield "breaks the pattern", broken[0]
        else:
            assert allows(shape, "\x01\n ") and allows(shape, ""), f"no text is known that breaks {shape['pattern']}"


def violations(name, required=False):
    """Of a value of that shape: (the rest of the field's name, what is wrong, the value, the Reason)."""
    shape = SHAPES[name]
    if shape["type"] == "structure":
        yield from violations_of_members(name, valid(name))
    elif shape["type"] == "list":
        item = shape["member"]["shape"]
        if shape.get("min", 0) > 0:
            yield "", "too few", [valid(item, i) for i in range(shape["min"] - 1)], INVALID
        if "max" in shape:
            yield "", "too many", [valid(item, i) for i in range(shape["max"] + 1)], INVALID
        for rest, what, value, reason in violations(item):
            yield "[0]" + rest, what, [value], reason
    elif shape["type"] == "integer":
        yield "", "too small", shape["min"] - 1, INVALID
        yield "", "too great", shape["max"] + 1, INVALID
    elif "enum" in shape:
        yield "", "none of the enum", "NONE_OF_THEM", INVALID
    elif shape["type"] == "string":
        for what, value in violations_of_a_text(shape, valid(name)):
            yield "", what, value, MISSING if required and value == "" else INVALID


def violations_of_members(name, whole):
    """Of a structure whose other members are those of `whole`."""
    required = SHAPES[name].get("required", [])
    for member, of in SHAPES[name]["members"].items():
        field = "." + camel(member)
        if member in required:
            yield field, "missing", {key: value for key, value in whole.items() if key != member}, MISSING
        for rest, what, value, reason in violations(of["shape"], member in required):
            yield field + rest, what, {**whole, member: value}, reason


def cases():
    for operation in OPERATIONS:
        shape = OPERATIONS[operation]["input"]["shape"]
        for field, what, request, reason in violations_of_members(shape, valid_request(operation)):
            yield operation, field[1:], what, request, reason


class Constraints(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sms = connect(parameter_validation=False)

    def refusal(self, operation, request):
        """What came back, or None."""
        try:
            getattr(self.sms, xform_name(operation))(**request)
            return None
        except ClientError as error:
            return error.response

    def test_requests_without_a_violation_are_let_through(self):
        for operation in OPERATIONS:
            with self.subTest(operation):
                refusal = self.refusal(operation, valid_request(operation))
                if refusal is not None:
                    self.assertNotEqual(refusal["Error"]["Code"], "ValidationException", refusal)

    def test_each_violation_is_refused_with_the_field_that_it_is_in(self):
        count = 0
        for operation, field, what, request, reason in cases():
            count += 1
            with self.subTest(f"{operation}: {field} is {what}"):
                refusal = self.refusal(operation, request)
                self.assertIsNotNone(refusal, "it was accepted")
                self.assertEqual(refusal["Error"]["Code"], "ValidationException", refusal["Error"])
                self.assertEqual({named["Name"] for named in refusal["Fields"]}, {field})
                self.assertEqual(refusal["Reason"], reason)
        print(f"{count} violations of the service model were tried")
        self.assertGreater(count, 300)
