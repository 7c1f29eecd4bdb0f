"""What the service model (tests/data/api-model.json) says, and what in an answer disagrees with it."""

import json
import pathlib
import re

MODEL = json.loads((pathlib.Path(__file__).parents[2] / "data" / "api-model.json").read_text(encoding="utf-8"))
OPERATIONS = MODEL["operations"]
SHAPES = MODEL["shapes"]

# All members of answers are there always, whatever the model calls optional, but for these (behaviour 4.1, 4.3, 13).
MAY_BE_ABSENT = {
    "MessagingLimits",
    "NextToken",
    "PricingTier",
    "RegistrationId",
    "TwoWayChannelArn",
    "TwoWayChannelRole",
    # Only of these:
    ("CreateOptOutListResult", "Tags"),
    ("CreatePoolResult", "Tags"),
    ("RequestPhoneNumberResult", "Tags"),
    ("RequestSenderIdResult", "Tags"),
    ("RequestPhoneNumberResult", "PoolId"),
    ("PhoneNumberInformation", "PoolId"),
    ("OriginationIdentityMetadata", "PhoneNumber"),
    ("GetResourcePolicyResult", "CreatedTimestamp"),
    ("AccessDeniedException", "Reason"),
}

# Refusals outside the model, of whatever operation (behaviour 1); they have a message only.
FRONT_END = {"InvalidSignatureException", "UnrecognizedClientException"}

_JSON_TYPES = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "timestamp": (int, float),
    "list": list,
    "map": dict,
    "structure": dict,
}


def is_required(name, member):
    """Whether this member of the shape of that name is in every answer."""
    if member in SHAPES[name].get("required", []):
        return True
    return member not in MAY_BE_ABSENT and (name, member) not in MAY_BE_ABSENT


def differences(name, value, where=""):
    """What `value`, parsed JSON, has that the shape of that name doesn't, and the other way round: a list of texts."""
    shape = SHAPES[name]
    kind = shape["type"]
    if not isinstance(value, _JSON_TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return [f"{where} is no {kind}: {value!r}"]
    if kind == "structure":
        return _differences_of_members(name, value, where)
    found = []
    if kind == "list":
        for index, item in enumerate(value):
            found += differences(shape["member"]["shape"], item, f"{where}[{index}]")
    if kind in ("list", "string") and not shape.get("min", 0) <= len(value) <= shape.get("max", len(value)):
        found.append(f"{where} has a length of {len(value)}")
    if value not in shape.get("enum", [value]):
        found.append(f"{where} is none of the enum's: {value}")
    if "pattern" in shape and not re.fullmatch(shape["pattern"], value):
        found.append(f"{where} breaks the pattern {shape['pattern']}: {value}")
    return found


def _differences_of_members(name, value, where):
    found = []
    for member, of in SHAPES[name]["members"].items():
        if member in value:
            found += differences(of["shape"], value[member], f"{where}.{member}")
        elif is_required(name, member):
            found.append(f"{where} lacks {member}")
    unknown = value.keys() - SHAPES[name]["members"].keys()
    return found + [f"{where} has {member}, which the model hasn't" for member in unknown]


def differences_of_response(operation, status, headers, body):
    """The same of a whole HTTP response, with any exception that the operation may answer with."""
    answer = json.loads(body)
    if status == 200:
        return differences(OPERATIONS[operation]["output"]["shape"], answer, operation)
    exception = answer.pop("__type", "").removeprefix("com.amazonaws.pinpointsmsvoicev2#")
    if exception in FRONT_END and status == 400 and answer.keys() == {"Message"}:
        return []
    if exception not in {error["shape"] for error in OPERATIONS[operation]["errors"]}:
        return [f"{operation} was refused by {exception}: {answer}"]
    found = differences(exception, answer, exception)
    if status != MODEL["errorHttp"][exception]:
        found.append(f"{exception} came with HTTP {status}")
    if headers["x-amzn-errortype"] != exception:
        found.append(f"{exception} is {headers['x-amzn-errortype']} in the header")
    return found
