"""What CloudTrail does and moto does not: the event history, from the launcher's own record of calls.

API is https://docs.aws.amazon.com/awscloudtrail/latest/APIReference,
GUIDE is https://docs.aws.amazon.com/awscloudtrail/latest/userguide
"""

import json

from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.exceptions import JsonRESTError

from calls import CALLS, CALLS_LOCK
from common import PAGE_SIZE, position, replaces, token_for
from identity import INVALID_KEY

# GUIDE/cloudtrail-concepts.html: the events of global services are in this region.
GLOBAL_SERVICES = ("iam", "organizations")
GLOBAL_REGION = "us-east-1"

# GUIDE/logging-data-events-with-cloudtrail.html: calls on what is inside a topic or a queue are no management events.
DATA_ACTIONS = (
    "Publish", "PublishBatch", "SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage",
    "DeleteMessageBatch", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch",
)
INVALID_KEY_CODES = [code for code, _ in INVALID_KEY.values()]
READING = ("Describe", "Get", "List", "Lookup")
SECRETS = ("Password", "NewPassword", "OldPassword")


def region_of(call):
    return GLOBAL_REGION if call.service in GLOBAL_SERVICES else call.region


def is_management_event(call):
    """Also not those of REST APIs, whose records are of another form, and not those that nobody's key has signed."""
    return (
        bool(call.status)
        and call.protocol in ("ec2", "query", "json")
        and call.action not in DATA_ACTIONS
        and call.error_code not in INVALID_KEY_CODES
    )


def username(call):
    session = call.caller.get("sessionContext") and call.caller["principalId"].partition(":")[2]
    return call.caller.get("userName") or session


# GUIDE/cloudtrail-event-reference-record-contents.html
def record(call):
    """The record of a call. Of the answer it has a session's key alone. Parameters that are lists are spelled as in the request."""
    parameters = {
        name[:1].lower() + name[1:]: value for name, value in call.parameters.items() if name not in SECRETS
    }
    fields = {
        "eventVersion": "1.11",
        "userIdentity": call.caller,
        "eventTime": call.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{call.service}.amazonaws.com",
        "eventName": call.action,
        "awsRegion": region_of(call),
        "sourceIPAddress": "127.0.0.1",
        "userAgent": call.user_agent,
        "requestParameters": parameters or None,
        "responseElements": {"credentials": {"accessKeyId": call.session_key_id}} if call.session_key_id else None,
        "requestID": call.event_id,
        "eventID": call.event_id,
        "readOnly": call.action.startswith(READING),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.caller["accountId"],
        "eventCategory": "Management",
    }
    if call.error_code:
        fields["errorCode"] = call.error_code
    return fields


# API/API_LookupAttribute.html
ATTRIBUTES = {
    "EventId": lambda call: call.event_id,
    "EventName": lambda call: call.action,
    "EventSource": lambda call: f"{call.service}.amazonaws.com",
    "ReadOnly": lambda call: str(call.action.startswith(READING)).lower(),
    "Username": username,
    "AccessKeyId": lambda call: call.access_key_id,
}


# API/API_Event.html
def event(call):
    values = {name: value_of(call) for name, value_of in ATTRIBUTES.items()}
    shown = {name: value for name, value in values.items() if value}
    return {**shown, "EventTime": int(call.time.timestamp()), "Resources": [], "CloudTrailEvent": json.dumps(record(call))}


# API/API_LookupEvents.html: one attribute at most, this region's events, the latest first, 50 at most.
@replaces(CloudTrailResponse)
def lookup_events(self):
    attributes = self._get_param("LookupAttributes", [])
    if len(attributes) > 1 or any(a["AttributeKey"] not in ATTRIBUTES for a in attributes):
        raise JsonRESTError("InvalidLookupAttributesException", "The specified lookup attributes are not valid.")
    token = self._get_param("NextToken")
    try:
        # By number and not by place, since calls arrive meanwhile, such as this one.
        before = position(token) if token else float("inf")
    except ValueError:
        raise JsonRESTError("InvalidNextTokenException", "The specified token is not valid.") from None
    start, end = self._get_float_param("StartTime", 0.0), self._get_float_param("EndTime", float("inf"))
    if start > end:
        raise JsonRESTError("InvalidTimeRangeException", "The start time is after the end time.")

    def wanted(call):
        return (
            call.number < before
            and is_management_event(call)
            and region_of(call) == self.region
            and start <= call.time.timestamp() <= end
            and all(ATTRIBUTES[a["AttributeKey"]](call) == a["AttributeValue"] for a in attributes)
        )

    with CALLS_LOCK:
        found = [call for call in reversed(CALLS) if wanted(call)]
    size = min(self._get_int_param("MaxResults", 50), PAGE_SIZE or 50)
    answer = {"Events": [event(call) for call in found[:size]]}
    if len(found) > size:
        answer["NextToken"] = token_for(found[size - 1].number)
    return json.dumps(answer)
