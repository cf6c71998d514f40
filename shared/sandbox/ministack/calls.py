"""Makes AWS calls for a program that has no clients of its own for them.

Reads one JSON object a line, `{"id": 1, "service": "lambda", "operation": "invoke", "parameters": {…}}`, in boto3's names, and answers with
`{"id": 1, "answer": {…}}` or `{"id": 1, "error": "…"}`. The endpoint is the first argument, the account the second.
"""

import base64
import json
import sys

import boto3
import botocore.config

ENDPOINT, ACCOUNT = sys.argv[1:3]
session = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="test", region_name="us-east-1")
clients = {}


def client(service):
    if service not in clients:
        config = botocore.config.Config(read_timeout=60, retries={"max_attempts": 1})
        clients[service] = session.client(service, endpoint_url=ENDPOINT, config=config)
    return clients[service]


def text(value):
    if hasattr(value, "read"):
        value = value.read()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def call(request):
    try:
        operation = getattr(client(request["service"]), request["operation"])
        return {"id": request["id"], "answer": operation(**request["parameters"])}
    except Exception as error:  # noqa: BLE001: whatever it is, whoever asked is told.
        return {"id": request["id"], "error": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    print(json.dumps(call(json.loads(line)), default=text), flush=True)
