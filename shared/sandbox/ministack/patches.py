"""What AWS does and MiniStack 1.5.33 does not, as far as without it nothing of a deployment or a function could be seen.

Everything else that it lacks is in cli/src/rehearse/unmodelled.rs.
"""

import json

from defusedxml import ElementTree
from ministack import app
from ministack.core import iam_actions
from ministack.core.responses import error_response_json, get_account_id
from ministack.services import iam, organizations, s3
from ministack.services.cloudformation import provisioners


def alarms_over_several_metrics():
    """MiniStack's CloudFormation refuses them. They are made over their first metric, without its dimensions: they are there and never fire.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html"""
    record = provisioners._cw_metric_alarm_record

    def over_the_first(name, props):
        stats = [item["MetricStat"] for item in props.get("Metrics") or [] if "MetricStat" in item]
        if stats:
            props = {key: value for key, value in props.items() if key != "Metrics"}
            metric = stats[0]["Metric"]
            props.update(Namespace=metric["Namespace"], MetricName=metric["MetricName"])
            props.update(Period=stats[0]["Period"], Statistic=stats[0]["Stat"])
        return record(name, props)

    provisioners._cw_metric_alarm_record = over_the_first


def lists_of_credentials_that_nobody_has():
    """MiniStack does not know these kinds: nobody can make one, so nobody has one. Users are deleted only after these were read."""

    def empty(action, items):
        body = f"<{action}Result><{items}></{items}><IsTruncated>false</IsTruncated></{action}Result>"
        return lambda _parameters: iam._xml(200, f"{action}Response", body, ns="iam")

    for action, items in (
        ("ListSSHPublicKeys", "SSHPublicKeys"),
        ("ListServiceSpecificCredentials", "ServiceSpecificCredentials"),
        ("ListSigningCertificates", "Certificates"),
    ):
        iam._IAM_HANDLERS.setdefault(action, empty(action, items))


def policies_that_deny():
    """Two of AWS's managed policies. https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSDenyAll.html"""
    denies = '{"Version":"2012-10-17","Statement":[{"Sid":"DenyAll","Effect":"Deny","Action":["%s"],"Resource":["*"]}]}'
    for name, actions in (
        ("AWSDenyAll", "*"),
        # Some of the real one's actions.
        ("AWSCompromisedKeyQuarantineV2", 'iam:CreateUser","iam:CreateAccessKey","ec2:RunInstances'),
        ("AWSCompromisedKeyQuarantineV3", 'iam:CreateUser","iam:CreateAccessKey","ec2:RunInstances'),
    ):
        arn = f"arn:aws:iam::aws:policy/{name}"
        iam._aws_managed_policies.setdefault(arn, iam._make_aws_managed_record(name, denies % actions, name))


def resources_of_iam_calls():
    """What AWS checks these calls against. MiniStack takes "*", or the user where AWS takes the group.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html"""
    resource_of = iam_actions.extract_resource_arn

    def as_aws_does(service, method, path, headers, body, query_params, region, account_id):
        def parameter(name):
            return iam_actions._query_param(query_params, name)

        action = parameter("Action") if service == "iam" else None
        if action == "GetAccessKeyLastUsed":
            key = iam._access_keys.get(parameter("AccessKeyId"), {})
            return f"arn:aws:iam::{account_id}:user/{key.get('UserName', '')}"
        if action in ("AddUserToGroup", "RemoveUserFromGroup"):
            return f"arn:aws:iam::{account_id}:group/{parameter('GroupName')}"
        if action == "DeleteVirtualMFADevice":
            return parameter("SerialNumber")
        return resource_of(service, method, path, headers, body, query_params, region, account_id)

    iam_actions.extract_resource_arn = as_aws_does


def no_organization():
    """MiniStack makes every account the management account of an organization. The samples' accounts are in none.
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html#API_DescribeOrganization_Errors"""
    for call in ("DescribeOrganization", "DescribeAccount"):
        organizations._DISPATCH[call] = lambda _payload: error_response_json(
            "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.", 400
        )


def public_access_block_of_the_account():
    """S3 Control's calls for it, which MiniStack lacks; no bucket is closed by it.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetPublicAccessBlock.html"""
    path_of_block = "/v20180820/configuration/publicAccessBlock"
    actions = {"GET": "Get", "PUT": "Put", "DELETE": "Put"}
    switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    blocks = {}
    others = app._handle_s3_control_request

    async def handle(path, method, body, query_params, request_id, headers=None):
        if path != path_of_block or method not in actions:
            return await others(path, method, body, query_params, request_id, headers)
        action = f"s3:{actions[method]}AccountPublicAccessBlock"
        refused = app._enforce_data_plane("s3", action, headers or {}, query_params, request_id)
        refused = refused or s3.s3control_account_error(headers or {})
        if refused:
            return refused
        account = get_account_id()
        if method == "PUT":
            given = {element.tag.rpartition("}")[2]: element.text for element in ElementTree.fromstring(body).iter()}
            blocks[account] = {switch: given.get(switch) or "false" for switch in switches}
        if method == "DELETE":
            blocks.pop(account, None)
            return 204, {}, b""
        if method == "GET" and account not in blocks:
            message = "The public access block configuration was not found"
            return s3.s3control_error("NoSuchPublicAccessBlockConfiguration", message, 404)
        shown = "".join(f"<{switch}>{value}</{switch}>" for switch, value in blocks[account].items())
        xml = f"<PublicAccessBlockConfiguration>{shown}</PublicAccessBlockConfiguration>" if method == "GET" else ""
        return 200, {"Content-Type": "application/xml"}, xml.encode()

    app._handle_s3_control_request = handle


def status_of_a_policy():
    """Whether a bucket's policy is public, by MiniStack's own judgement, which it makes only for blocks.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicyStatus.html"""
    dispatch = s3._dispatch

    def with_status(method, bucket, key, headers, body, query_params):
        if method != "GET" or key or "policyStatus" not in query_params:
            return dispatch(method, bucket, key, headers, body, query_params)
        answer = s3._get_bucket_policy(bucket)
        if answer[0] != 200:
            return answer
        statements = json.loads(answer[2]).get("Statement", [])
        statements = statements if isinstance(statements, list) else [statements]
        is_public = str(any(map(s3._statement_is_public, statements))).lower()
        xml = f"<PolicyStatus><IsPublic>{is_public}</IsPublic></PolicyStatus>"
        return 200, {"Content-Type": "application/xml"}, xml.encode()

    s3._dispatch = with_status


def apply():
    alarms_over_several_metrics()
    lists_of_credentials_that_nobody_has()
    policies_that_deny()
    resources_of_iam_calls()
    no_organization()
    public_access_block_of_the_account()
    status_of_a_policy()
