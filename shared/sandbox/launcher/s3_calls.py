"""The calls of S3 and S3 control, which are REST: their names, and their parameters by the API's names.

Both come from the services' models, which botocore has. API is https://docs.aws.amazon.com/AmazonS3/latest/API
"""

import functools
import re
from urllib.parse import parse_qsl
from xml.parsers.expat import ExpatError

import xmltodict
from moto.core.utils import get_service_model

# API/API_Operations_AWS_S3_Control.html: what all of its paths begin with. The signature names S3 for both.
CONTROL = "/v20180820/"
LABEL = re.compile(r"{(\w+)(\+?)}")


def service_of(path):
    return "s3control" if path.startswith(CONTROL) else "s3"


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html: the bucket may be in the host's name. moto takes
# what is before the first dot for it, but buckets may have dots in their names.
def put_bucket_in_path(environ):
    host, colon, port = environ.get("HTTP_HOST", "").partition(":")
    bucket, dot, rest = host.rpartition(".")
    path = environ.get("PATH_INFO", "")
    if rest != "localhost" or not dot or service_of(path) == "s3control":
        return
    environ["HTTP_HOST"] = f"{rest}{colon}{port}"
    for name in ("PATH_INFO", "RAW_URI", "REQUEST_URI"):
        if environ.get(name, "").startswith("/"):
            environ[name] = f"/{bucket}{environ[name]}"


class Operation:
    """What tells an operation's requests from others."""

    def __init__(self, model):
        self.name, self.method = model.name, model.http["method"]
        path, _, query = model.http["requestUri"].partition("?")
        self.path = re.compile(LABEL.sub(lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})", path) + "/?")
        self.query = dict(parse_qsl(query, keep_blank_values=True))
        self.shape = model.input_shape
        self.members = model.input_shape.members if model.input_shape else {}
        required = [self.members[name] for name in (self.shape.required_members if self.shape else [])]
        located = [(m.serialization.get("location"), m.serialization.get("name")) for m in required]
        self.needed_query = {name for where, name in located if where == "querystring"}
        self.needed_headers = {name for where, name in located if where == "header"}

    def fits(self, request):
        return (
            self.method == request.method
            and self.path.fullmatch(request.path)
            and self.query.items() <= request.query.items()
            and self.needed_query <= request.query.keys()
            and all(header_name(name) in request.environ for name in self.needed_headers)
        )

    def parameters(self, request):
        found = {}
        labels = self.path.fullmatch(request.path).groupdict()
        payload = self.shape.serialization.get("payload") if self.shape else None
        in_body = []
        for name, member in self.members.items():
            where, wire_name = member.serialization.get("location"), member.serialization.get("name", name)
            value = None
            if where == "uri":
                value = labels.get(wire_name)
            elif where == "querystring":
                value = request.query.get(wire_name)
            elif where == "header" and not is_technical(wire_name):
                value = request.environ.get(header_name(wire_name))
            elif where is None:
                in_body.append(name)
            if value is not None:
                found[name] = value
        return {**found, **self.body_parameters(request.body, payload, in_body)}

    def body_parameters(self, body, payload, names):
        """The text of a policy, or XML as JSON; not the contents of an object."""
        if not body or (payload and self.members[payload].type_name == "blob"):
            return {}
        if payload and self.members[payload].type_name == "string":
            return {payload: body.decode(errors="replace")}
        try:
            (document,) = xmltodict.parse(body).values()
        except ExpatError:
            return {"Body": body.decode(errors="replace")}
        document = plain(document) or {}
        if payload:
            return {payload: document}
        return {name: document[name] for name in names if name in document}


class Request:
    def __init__(self, environ, body):
        self.environ, self.body = environ, body
        self.method = environ["REQUEST_METHOD"]
        self.path = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
        self.query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))


def read(environ, body):
    """Service, name and parameters of a call. What the models don't know has its method and path for a name."""
    request = Request(environ, body)
    service = service_of(request.path)
    fitting = [operation for operation in operations(service) if operation.fits(request)]
    if not fitting:
        return service, f"{request.method} {request.path}", request.query
    # max: the first one of the closest.
    closest = max(
        fitting, key=lambda one: (len(one.query), len(one.needed_query) + len(one.needed_headers - {"x-amz-account-id"}))
    )
    return service, closest.name, closest.parameters(request)


@functools.cache
def operations(service):
    model = get_service_model(service)
    models = [model.operation_model(name) for name in model.operation_names]
    return [Operation(one) for one in models if not one.deprecated]


def header_name(name):
    return "HTTP_" + name.upper().replace("-", "_")


def is_technical(header):
    """Whether clients send it by themselves, to say how the body is to be read."""
    return header.lower().startswith("content-") or "checksum" in header.lower()


def plain(value):
    """XML as xmltodict reads it, without namespaces. A grantee's attribute xsi:type is the API's Type."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        named = {"Type" if name == "@xsi:type" else name: plain(one) for name, one in value.items()}
        return {name: one for name, one in named.items() if not name.startswith("@")}
    return value
