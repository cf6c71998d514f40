"""The calls that reach the launcher: their record, and errors in their protocols."""

import collections
import datetime
import io
import itertools
import json
import threading
import uuid
from urllib.parse import parse_qs, parse_qsl
from xml.sax.saxutils import escape

import s3_calls

# The last calls. Whoever looks at more than one of them holds the lock.
CALLS = collections.deque(maxlen=10_000)
CALLS_LOCK = threading.Lock()
NUMBERS = itertools.count(1)


class Call:
    """One call, read from its signature's scope and from its body. An unsigned one that says nothing of a service is S3's."""

    def __init__(self, environ):
        body = read_body(environ)
        self.number = next(NUMBERS)
        self.event_id = str(uuid.uuid4())
        self.time = datetime.datetime.now(datetime.timezone.utc)
        self.user_agent = environ.get("HTTP_USER_AGENT", "")
        self.access_key_id, self.region, self.service = credential_scope(signature(environ))
        self.target = environ.get("HTTP_X_AMZ_TARGET", "")
        content_type = environ.get("CONTENT_TYPE", "")
        if self.target:
            self.protocol = "json"
            self.action = self.target.rpartition(".")[2]
            self.parameters = json.loads(body or b"{}")
        elif content_type.startswith("application/x-www-form-urlencoded"):
            self.protocol = "ec2" if self.service == "ec2" else "query"
            self.parameters = dict(parse_qsl(body.decode(), keep_blank_values=True))
            self.action = self.parameters.pop("Action", "")
            self.parameters.pop("Version", None)
        elif self.service in ("s3", ""):
            self.service, self.action, self.parameters = s3_calls.read(environ, body)
            self.protocol = self.service
        else:
            self.protocol = "rest"
            self.action = f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO')}"
            self.parameters = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        # Whose call it is, as CloudTrail's userIdentity.
        self.caller = {}
        # 0 until the call has been answered.
        self.status = 0
        # The code in the answer, if that is an error.
        self.error_code = None
        # The access key of the temporary credentials in the answer, if it holds any.
        self.session_key_id = None

    def as_json(self):
        names = ("service", "action", "region", "access_key_id", "user_agent", "parameters", "status")
        return {name: getattr(self, name) for name in names}


def read_body(environ):
    """The body, which is put back for whoever reads it next."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not length:
        return b""
    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def signature(environ):
    """The header with a request's signature, or that part of it which a presigned URL holds.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    credential = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential")
    return environ.get("HTTP_AUTHORIZATION") or (f"Credential={credential[0]}" if credential else "")


def credential_scope(authorization):
    """Access key id, region and service of a signed request.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    _, _, rest = authorization.partition("Credential=")
    parts = rest.partition(",")[0].strip().split("/")
    return (parts[0], parts[2], parts[3]) if len(parts) == 5 else ("", "", "")


class Refused(Exception):
    """Ends a call from wherever it is. `codes`: the error's code and status by protocol, under None for all others."""

    def __init__(self, codes, message, headers=()):
        super().__init__(message)
        self.codes, self.headers = codes, headers

    def code_and_status(self, call):
        return self.codes.get(call.protocol, self.codes[None])


def error_answer(call, code, message, status):
    """Content type, further headers and body of an error in the protocol of the call."""
    side = "Receiver" if status >= 500 else "Sender"
    what = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    request_id = "00000000-0000-4000-8000-000000000000"
    if call.protocol == "json":
        headers = [("x-amzn-ErrorType", code), ("x-amzn-query-error", f"{code};{side}")]
        return "application/x-amz-json-1.0", headers, json.dumps({"__type": code, "message": message})
    if call.protocol == "ec2":
        body = f"<Response><Errors><Error>{what}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    elif call.action in ("HeadBucket", "HeadObject"):
        return "application/xml", [], ""
    elif call.protocol == "s3":
        body = f"<Error>{what}<RequestId>{request_id}</RequestId></Error>"
    else:
        body = (
            f"<ErrorResponse><Error><Type>{side}</Type>{what}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return "text/xml", [], f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
