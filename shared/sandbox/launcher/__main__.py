"""Serve moto as a stand-in AWS account, with what AWS does and moto does not.

Prints one line of JSON, {"port": N}, once it listens on 127.0.0.1, and ends when its standard input is
closed: whoever started it may die in any way and leaves nothing behind. Standard error is for failures only.

SANDBOX_PAGE_SIZE, if set, is the most items that a paginated answer holds.

What AWS does and moto does not is in one module for each service: one function per behaviour, put in moto's place
by the decorator `replaces`, under a link to the page that documents the behaviour.
"""

import contextlib
import functools
import json
import logging
import os
import re
import signal
import sys
import threading
import time
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

import cloudtrail  # noqa: F401
import ec2  # noqa: F401
import identity
import s3
import s3_calls
from calls import CALLS, CALLS_LOCK, NUMBERS, Call, Refused, error_answer, read_body
from common import replaces

# moto changes its state without locks. The services that work on the users and roles of IAM have one in common, and so has S3
# with its control.
EC2_LOCK = threading.Lock()
LOCKS = {
    "ec2": EC2_LOCK, "s3": s3.LOCK, "s3control": s3.LOCK,
    "iam": identity.LOCK, "sts": identity.LOCK, "organizations": identity.LOCK,
}

# An error's code in the protocols that say it in the body.
ERROR_CODE = re.compile(rb'<Code>([^<]+)|"__type": *"(?:[^"#]*#)?([^"]+)')

# The access key of temporary credentials, in the answers of STS.
SESSION_KEY = re.compile(rb"<AccessKeyId>(ASIA\w+)</AccessKeyId>")

# moto lists its own folder to tell this, several times in every call, which is a third of the time that a call takes.
replaces(DomainDispatcherApplication)(functools.cache(DomainDispatcherApplication.get_backend_for_host))


def answer(start_response, status, content_type, body, headers=()):
    data = body.encode()
    basics = [("Content-Type", content_type), ("Content-Length", str(len(data)))]
    start_response(f"{status} {'OK' if status < 300 else 'Error'}", basics + list(headers))
    return [data]


class Sandbox:
    """Around moto: keeps the calls, and answers with errors where it was told to."""

    def __init__(self, app):
        self.app = app
        self.faults = []

    def __call__(self, environ, start_response):
        if environ.get("PATH_INFO", "").startswith("/_sandbox/"):
            return self.own_request(environ, start_response)
        s3_calls.put_bucket_in_path(environ)
        call = Call(environ)
        call.caller = identity.caller(call.access_key_id)
        with CALLS_LOCK:
            call.number = next(NUMBERS)
            CALLS.append(call)
            fault = self.next_fault(call)

        if fault and fault["delay_seconds"]:
            time.sleep(fault["delay_seconds"])
        if fault and fault["code"]:
            if fault["after"]:
                b"".join(self.carry_out(call, environ, lambda *_: None))
            return self.refuse(call, start_response, fault["code"], fault["message"], fault["status"])

        def note_status(status, headers, exc_info=None):
            call.status = int(status.split()[0])
            return start_response(status, headers, exc_info)

        body = self.carry_out(call, environ, note_status)
        if call.error_code or (call.status < 400 and call.service != "sts"):
            return body
        data = b"".join(body)
        if call.status < 400:
            key_id = SESSION_KEY.search(data)
            call.session_key_id = key_id and key_id[1].decode()
            return [data]
        code = ERROR_CODE.search(data)
        call.error_code = (code[1] or code[2]).decode() if code else "UnknownError"
        return [data]

    def carry_out(self, call, environ, start_response):
        try:
            identity.check_key(call.access_key_id)
            with LOCKS.get(call.service) or contextlib.nullcontext():
                if call.service in ("s3", "s3control"):
                    s3.check(call, environ)
                return self.app(environ, start_response)
        except Refused as refused:
            code, status = refused.code_and_status(call)
            return self.refuse(call, start_response, code, str(refused), status, refused.headers)
        except NotImplementedError as error:
            # Without this, an action that moto lacks would be an HTML page, and tried again by the caller.
            return self.refuse(call, start_response, "InvalidAction", f"the stand-in lacks this: {error}", 400)

    def refuse(self, call, start_response, code, message, status, more_headers=()):
        call.status, call.error_code = status, code
        content_type, headers, body = error_answer(call, code, message, status)
        return answer(start_response, status, content_type, body, [*headers, *more_headers])

    def next_fault(self, call):
        for fault in self.faults:
            if fault["access_key_id"] == call.access_key_id and fault["action"] == call.action:
                fault["times"] -= 1
                if fault["times"] <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    def own_request(self, environ, start_response):
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if (method, path) == ("GET", "/_sandbox/calls"):
            wanted = parse_qs(environ.get("QUERY_STRING", "")).get("access_key_id")
            with CALLS_LOCK:
                found = [c.as_json() for c in CALLS if not wanted or c.access_key_id in wanted]
            return answer(start_response, 200, "application/json", json.dumps(found))
        if (method, path) == ("POST", "/_sandbox/faults"):
            fault = {
                "times": 1, "code": None, "message": "injected by the sandbox",
                "status": 500, "after": False, "delay_seconds": 0,
            }
            fault.update(json.loads(read_body(environ)))
            with CALLS_LOCK:
                self.faults.append(fault)
            return answer(start_response, 200, "application/json", "{}")
        return answer(start_response, 404, "application/json", "{}")


class QuietRequestHandler(MotoRequestHandler):
    def log_request(self, *_args):
        pass


def end_with_parent():
    try:
        while sys.stdin.buffer.read(4096):
            pass
    finally:
        os._exit(0)


def main():
    # Ctrl-C reaches the whole process group. The parent cleans up first and then closes our standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = Sandbox(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietRequestHandler)
    print(json.dumps({"port": server.server_port}), flush=True)
    # Nobody reads standard output any further.
    sys.stdout = sys.stderr
    server.serve_forever()


main()
