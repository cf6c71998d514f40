"""Serves MiniStack on 127.0.0.1, and ends with its standard input.

Prints its port as JSON on the first line of standard output. The working folder is where its state goes.
IAM is enforced. Credentials whose access key id is an account's number are that account's administrator's.
"""

import json
import os
import signal
import socket
import sys
import threading
import time


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


PORT = int(os.environ.get("GATEWAY_PORT") or free_port())
os.environ.update(
    AUTH="true",
    AWS_ACCESS_KEY_ID="test",
    # Functions in a custom runtime are told where to call only by what MiniStack itself was told.
    AWS_ENDPOINT_URL=f"http://127.0.0.1:{PORT}",
    AWS_SECRET_ACCESS_KEY="test",
    BIND_HOST="127.0.0.1",
    GATEWAY_PORT=str(PORT),
    # Lambda waits minutes between the tries of an asynchronous invocation.
    LAMBDA_ASYNC_RETRY_BASE_SECONDS="0.2",
    MINISTACK_HOST="127.0.0.1",
    MINISTACK_REGION="us-east-1",
    S3_DATA_DIR=os.path.abspath("s3"),
    STATE_DIR=os.path.abspath("state"),
    TMPDIR=os.getcwd(),
)
# Python's isolated mode leaves out the folder of the program itself.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import patches  # noqa: E402
from ministack import app  # noqa: E402


def say_when_ready(out):
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                break
        time.sleep(0.05)
    print(json.dumps({"port": PORT}), file=out, flush=True)


def end_with_parent():
    try:
        while sys.stdin.buffer.read(4096):
            pass
    finally:
        # Its own way to end: it ends the functions' processes, too.
        os.kill(os.getpid(), signal.SIGTERM)


def main():
    out = sys.stdout
    sys.stdout = sys.stderr
    sys.argv = sys.argv[:1]
    patches.apply()
    threading.Thread(target=say_when_ready, args=(out,), daemon=True).start()
    if not sys.stdin.isatty():
        threading.Thread(target=end_with_parent, daemon=True).start()
    app.main()


main()
