"""gRPC's own client in Python, with stubs generated from proto/. tests/clients/run says what is in the environment."""

import itertools
import os
import subprocess
import sys

# How often a channel without calls looks at what came. gRPC's own 5 s would delay the keepalive's pings.
os.environ["GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS"] = "100"
# pylint: disable=wrong-import-position
import grpc

sys.path.append(os.environ["POOLD_STUBS"])
from google.rpc import error_details_pb2, status_pb2
from smsvoice.v2 import common_pb2, pools_pb2, pools_pb2_grpc, sender_ids_pb2, sender_ids_pb2_grpc

ADDRESS = os.environ["POOLD_GRPC_ADDRESS"]

_accounts = itertools.count(700000000001)


class Client:
    """Calls as an account of its own."""

    def __init__(self, address=ADDRESS, options=None):
        self.metadata = [("x-account-id", str(next(_accounts)))]
        self.channel = grpc.insecure_channel(address, options=options)
        self.pools = pools_pb2_grpc.PoolsStub(self.channel)
        self.sender_ids = sender_ids_pb2_grpc.SenderIdsStub(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def new_pool(self):
        """Of a sender ID of its own."""
        self.sender_ids.RequestSenderId(
            sender_ids_pb2.RequestSenderIdRequest(sender_id="EXAMPLECO", iso_country_code="GB"), metadata=self.metadata
        )
        return self.pools.CreatePool(
            pools_pb2.CreatePoolRequest(
                origination_identity="EXAMPLECO",
                iso_country_code="GB",
                message_type=common_pb2.MESSAGE_TYPE_TRANSACTIONAL,
            ),
            metadata=self.metadata,
        )

    def describe(self):
        return list(self.pools.DescribePools(pools_pb2.DescribePoolsRequest(), metadata=self.metadata).pools)


def details(refused):
    """The details of a refusal by their types' names."""
    found = {}
    for key, value in refused.trailing_metadata():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                name = detail.TypeName().removeprefix("google.rpc.")
                found[name] = getattr(error_details_pb2, name)()
                assert detail.Unpack(found[name])
    return found


# How many wait for the session that asks. It asks again and again: the pause is for the others' sake.
WAITING = "SELECT count(*) FROM pg_locks, pg_sleep(0.02) WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid));"


class LockedPool:
    """Keeps the row of a pool locked in the database, so that its change has to wait. with LockedPool(pool_id) …"""

    def __init__(self, pool_id):
        self._psql = subprocess.Popen(
            ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", os.environ["POOLD_DATABASE_URL"]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        locked = self._ask(f"BEGIN; SELECT pool_id FROM pools WHERE pool_id = '{pool_id}' FOR UPDATE;")
        assert locked == pool_id

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._psql.communicate("ROLLBACK;")

    def wait_until_waited_for(self):
        while self._waiting() == 0:
            pass

    def wait_until_given_up(self):
        """Until nobody waits for the lock any more, though it is still held."""
        while self._waiting() > 0:
            pass

    def _waiting(self):
        return int(self._ask(WAITING))

    def _ask(self, sql):
        self._psql.stdin.write(sql + "\n")
        self._psql.stdin.flush()
        return self._psql.stdout.readline().strip()
