"""A boto3 client of the servers under test, all of whose answers are held against the service model."""

import itertools
import os

import boto3
import botocore.session
from botocore.config import Config

import api_model
import lend_model

SERVICE = "pinpoint-sms-voice-v2"
REGION = "us-east-1"
ENDPOINT = os.environ["POOLD_ENDPOINT"]
THROTTLED_ENDPOINT = os.environ["POOLD_THROTTLED_ENDPOINT"]
BROKEN_ENDPOINT = os.environ["POOLD_BROKEN_ENDPOINT"]

_own_models = botocore.session.Session().get_component("data_loader")
if lend_model.is_older(_own_models.load_service_model(SERVICE, "service-2")):
    lend_model.lend()
_session = boto3.session.Session()
_accounts = itertools.count(200000000001)


def new_account():
    """An account that nobody else uses: `poold dev` takes an access key of 12 digits for the account that calls."""
    return str(next(_accounts))


def connect(account=None, endpoint=ENDPOINT, session=_session, secret="secret", **config):
    """A client of that account, or of a new one; `config` as of botocore.config.Config."""
    client = session.client(
        SERVICE,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=account or new_account(),
        aws_secret_access_key=secret,
        config=Config(**config),
    )
    client.meta.events.register(f"response-received.{SERVICE}", _hold_against_the_model)
    return client


def _hold_against_the_model(response_dict, event_name, **_):
    if response_dict is None:  # there was no answer
        return
    operation = event_name.rsplit(".", 1)[-1]
    found = api_model.differences_of_response(
        operation, response_dict["status_code"], response_dict["headers"], response_dict["body"]
    )
    if found:
        raise AssertionError("; ".join(found))


US_NUMBER = {
    "IsoCountryCode": "US",
    "MessageType": "TRANSACTIONAL",
    "NumberCapabilities": ["SMS"],
    "NumberType": "LONG_CODE",
}
