"""What a gRPC client in Python sees of calls, refusals, deadlines, cancellation and compression."""

import time
import unittest

import grpc

from client import ADDRESS, Client, LockedPool, details, pools_pb2
from frames import DATA, Frames


class Calls(unittest.TestCase):
    def setUp(self):
        self.client = self.enterContext(Client())
        self.pools = self.client.pools
        self.metadata = self.client.metadata

    def refusal(self, call, request, **options):
        with self.assertRaises(grpc.RpcError) as caught:
            call(request, metadata=self.metadata, **options)
        return caught.exception

    def test_a_pool_is_created_described_and_deleted(self):
        created = self.client.new_pool()
        (described,) = self.client.describe()
        self.assertEqual(
            (described.pool_id, described.status, described.revision),
            (created.pool_id, pools_pb2.POOL_STATUS_ACTIVE, created.revision),
        )
        deletion = pools_pb2.DeletePoolRequest(pool_id=created.pool_id)
        deleted, call = self.pools.DeletePool.with_call(deletion, metadata=self.metadata)
        self.assertEqual(deleted.status, pools_pb2.POOL_STATUS_DELETING)
        self.assertRegex(dict(call.trailing_metadata())["x-amzn-requestid"], "^[0-9a-f-]{36}$")
        self.assertEqual(self.client.describe(), [])

    def test_a_refusal_has_details(self):
        refused = self.refusal(self.pools.DeletePool, pools_pb2.DeletePoolRequest(pool_id="#"))
        self.assertEqual(refused.code(), grpc.StatusCode.INVALID_ARGUMENT)
        found = details(refused)
        self.assertEqual(found["ErrorInfo"].reason, "INVALID_PARAMETER")
        self.assertEqual(found["ErrorInfo"].domain, "sms-voice")
        self.assertEqual(found["ErrorInfo"].metadata["exception"], "ValidationException")
        self.assertEqual([one.field for one in found["BadRequest"].field_violations], ["poolId"])
        trailing = dict(refused.trailing_metadata())
        self.assertEqual(trailing["x-amzn-errortype"], "ValidationException")
        self.assertEqual(found["RequestInfo"].request_id, trailing["x-amzn-requestid"])

    def test_a_deadline_ends_the_call_at_both_ends(self):
        pool = self.client.new_pool()
        change = pools_pb2.UpdatePoolRequest(pool_id=pool.pool_id, deletion_protection_enabled=True)
        with LockedPool(pool.pool_id) as lock:
            refused = self.refusal(self.pools.UpdatePool, change, timeout=1)
            self.assertEqual(refused.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
            lock.wait_until_given_up()
        self.assert_unchanged(pool)

    def test_a_cancelled_call_ends_at_both_ends(self):
        pool = self.client.new_pool()
        change = pools_pb2.UpdatePoolRequest(pool_id=pool.pool_id, deletion_protection_enabled=True)
        with LockedPool(pool.pool_id) as lock:
            call = self.pools.UpdatePool.future(change, metadata=self.metadata, timeout=30)
            lock.wait_until_waited_for()
            call.cancel()
            cancelled = time.monotonic()
            self.assertEqual(call.code(), grpc.StatusCode.CANCELLED)
            lock.wait_until_given_up()
        self.assertLess(time.monotonic() - cancelled, 20)  # well before the deadline
        self.assert_unchanged(pool)

    def assert_unchanged(self, pool):
        (described,) = self.client.describe()
        self.assertEqual((described.deletion_protection_enabled, described.revision), (False, pool.revision))

    def test_compressed_requests_are_refused_and_answers_are_not_compressed(self):
        for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
            with self.subTest(compression), Frames(ADDRESS) as frames, Client(frames.address) as client:
                request = pools_pb2.DescribePoolsRequest(pool_ids=["pool-" + 32 * "0"] * 5)
                with self.assertRaises(grpc.RpcError) as caught:
                    client.pools.DescribePools(request, metadata=client.metadata, compression=compression)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
                self.assertIn("takes uncompressed messages only", caught.exception.details())
                (sent,) = (frame for frame in frames.of("client", DATA) if frame.payload)
                self.assertEqual(sent.payload[0], 1)  # the flag of a compressed message
                client.new_pool()
                answers = [frame.payload[0] for frame in frames.of("server", DATA) if frame.payload]
                self.assertEqual(answers, [0, 0])
