"""What the service is measured against: one small file each, set up as its documentation recommends.

Each is started as `python -m bench.peers.NAME` and finds in its environment BENCH_PORT, the port to listen on, and
BENCH_VERSION, the directory of the model version to serve.
"""
