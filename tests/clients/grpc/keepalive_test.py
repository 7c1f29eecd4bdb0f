"""Of pings without calls by a gRPC client in Python: each 10 seconds they are allowed, more often they are not."""

import unittest

from client import ADDRESS, Client
from frames import ACK, GOAWAY, PING, Frames

OPTIONS = [
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.bdp_probe", 0),  # no pings but these
]
# gRPC servers that are not told otherwise end the connection (ENHANCE_YOUR_CALM, too_many_pings) at this ping.
FORBIDDEN_PING = 4
ENHANCE_YOUR_CALM = 11


def each(milliseconds):
    """The options of a channel that pings so often."""
    return [("grpc.keepalive_time_ms", milliseconds), *OPTIONS]


class Keepalive(unittest.TestCase):
    def test_pings_each_10_seconds_do_not_end_the_connection(self):
        with Frames(ADDRESS) as frames, Client(frames.address, each(10_000)) as client:
            pool = client.new_pool()

            def ended():
                return frames.of("server", GOAWAY) or len(frames.of("server", PING, ACK)) >= FORBIDDEN_PING

            self.assertTrue(frames.wait_for(ended, 120))
            self.assertEqual(frames.of("server", GOAWAY), [])
            (described,) = client.describe()
            self.assertEqual(described.pool_id, pool.pool_id)
            self.assertEqual(frames.connections, 1)

    def test_more_frequent_pings_end_the_connection(self):
        with Frames(ADDRESS) as frames, Client(frames.address, each(200)) as client:
            client.describe()
            self.assertTrue(frames.wait_for(lambda: frames.of("server", GOAWAY), 120))
            (goaway, *_) = frames.of("server", GOAWAY)
            self.assertEqual(int.from_bytes(goaway.payload[4:8], "big"), ENHANCE_YOUR_CALM)
