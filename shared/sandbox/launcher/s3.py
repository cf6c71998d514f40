"""What S3 and S3 control do and moto does not.

API is https://docs.aws.amazon.com/AmazonS3/latest/API, GUIDE is https://docs.aws.amazon.com/AmazonS3/latest/userguide, ERRORS is
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, BLOCK is GUIDE/access-control-block-public-access.html
"""

import itertools
import json
import threading

from moto.core import serialize
from moto.core.responses import ActionResult
from moto.core.serialize import RestXMLSerializer
from moto.iam.access_control import PermissionResult
from moto.organizations.models import FakePolicy, FakeRoot, organizations_backends
from moto.s3 import models, responses
from moto.s3.models import (
    OWNER,
    FakeAcl,
    FakeBucket,
    FakeGrant,
    FakeKey,
    PublicAccessBlock,
    S3Backend,
    s3_backends,
)
from moto.s3.responses import S3Response
from moto.s3control.models import S3ControlBackend, s3control_backends
from moto.s3control.responses import S3ControlResponse

import identity
import s3_policy
from calls import Refused
from common import replaces

# Guards moto's state of both services.
LOCK = threading.Lock()

ALL_ON = PublicAccessBlock(True, True, True, True)


def refused(code, status, message, headers=()):
    return Refused({None: (code, status)}, message, headers)


def denied():
    return refused("AccessDenied", 403, "Access Denied")


# ---------------------------------------------------------------------------------------------------------
# The wire


# API/API_control_GetAccessPoint.html and others: the answer's root element, which moto names after the operation.
class ControlSerializer(RestXMLSerializer):
    def _serialized_result_to_response(self, resp, result, shape, serialized_result):
        if shape is not None and "payload" not in shape.serialization:
            shape.serialization["resultWrapper"] = shape.name
        return super()._serialized_result_to_response(resp, result, shape, serialized_result)


serialize.SERVICE_SPECIFIC_SERIALIZERS["s3control"] = {"rest-xml": ControlSerializer}


# API/API_GetBucketVersioning.html: the answer's root element, and nothing in it where versioning was never on.
@replaces(S3Response)
def get_bucket_versioning(self):
    versioning = self.backend.get_bucket_versioning(self.bucket_name)
    status = f"<Status>{versioning}</Status>" if versioning else ""
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    return 200, {}, f'<VersioningConfiguration xmlns="{namespace}">{status}</VersioningConfiguration>'


# ---------------------------------------------------------------------------------------------------------
# Blocks of public access


def bucket_named(name):
    """The bucket, in whatever account it is."""
    partition, account = s3_backends.bucket_accounts.get(name, ("aws", None))
    return s3_backends[account][partition].buckets.get(name) if account else None


# BLOCK#access-control-block-public-access-options: the most restrictive combination of all levels.
def is_on(switch, bucket, *others):
    in_effect = (account_block(bucket.account_id), bucket.public_access_block, *others)
    return any(block is not None and getattr(block, switch) for block in in_effect)


def account_block(account):
    if is_enforced_by_organization(account):
        return ALL_ON
    return s3control_backends[account]["aws"].public_access_block


moto_bucket_init = FakeBucket.__init__


# GUIDE/create-bucket-faq.html: since April 2023, new buckets have all switches on, and ACLs disabled.
@replaces(FakeBucket, "__init__")
def bucket_init(self, *args, **kwargs):
    moto_bucket_init(self, *args, **kwargs)
    self.public_access_block = ALL_ON
    self.ownership_rule = "BucketOwnerEnforced"


# ---------------------------------------------------------------------------------------------------------
# S3 policies of an organization
#
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_s3.html

for kind in (FakePolicy, FakeRoot):
    kind.SUPPORTED_POLICY_TYPES = [*kind.SUPPORTED_POLICY_TYPES, "S3_POLICY"]

moto_policy_init = FakePolicy.__init__


# https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreatePolicy.html: moto knows other types alone.
@replaces(FakePolicy, "__init__")
def policy_init(self, organization, **kwargs):
    if kwargs.get("Type") != "S3_POLICY":
        return moto_policy_init(self, organization, **kwargs)
    moto_policy_init(self, organization, **{**kwargs, "Type": "TAG_POLICY"})
    self.type = "S3_POLICY"
    self._arn_format = self._arn_format.replace("tag_policy", "s3_policy")


def is_enforced_by_organization(account):
    """Whether an S3 policy that turns all switches on is attached to the account, or to what it is in."""
    with identity.LOCK:
        master, partition = organizations_backends.master_accounts.get(account, (account, "aws"))
        backend = organizations_backends[master][partition]
        above = {one.id: one for one in (*backend.ou, *backend.accounts)}
        one = above.get(account)
        while one is not None:
            if any(policy.type == "S3_POLICY" and assigns_all(policy) for policy in one.attached_policies):
                return True
            one = above.get(getattr(one, "parent_id", None))
        return False


# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_s3_syntax.html
def assigns_all(policy):
    settings = json.loads(policy.content).get("s3_attributes", {})
    return settings.get("public_access_block_configuration", {}).get("@@assign") == "all"


moto_get_account_block = S3ControlBackend.get_public_access_block


# API/API_control_GetPublicAccessBlock.html: the effective configuration.
@replaces(S3ControlBackend, "get_public_access_block")
def get_account_block(self, account_id):
    if account_id == self.account_id and is_enforced_by_organization(account_id):
        return ALL_ON
    return moto_get_account_block(self, account_id)


# ---------------------------------------------------------------------------------------------------------
# ACLs

GROUPS = "http://acs.amazonaws.com/groups/global/"
ALL_USERS, AUTHENTICATED_USERS = f"{GROUPS}AllUsers", f"{GROUPS}AuthenticatedUsers"

# GUIDE/acl-overview.html#canned-acl: what these give to others than the owner. All that are not here give somebody something.
CANNED = {
    "private": [],
    "bucket-owner-full-control": [],
    "public-read": [(ALL_USERS, "READ")],
    "public-read-write": [(ALL_USERS, "READ"), (ALL_USERS, "WRITE")],
    "authenticated-read": [(AUTHENTICATED_USERS, "READ")],
}
GRANT_HEADERS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")


def requested_grants(parameters):
    """Whom a request's ACL gives something, other than full control to the owner; None where it says nothing of an ACL."""
    if "ACL" in parameters:
        return [grantee for grantee, _ in CANNED.get(parameters["ACL"], [(parameters["ACL"], "READ")])]
    if "AccessControlPolicy" in parameters:
        given = (parameters["AccessControlPolicy"].get("AccessControlList") or {}).get("Grant") or []
        grantees = [(one["Grantee"].get("URI") or one["Grantee"].get("ID"), one["Permission"]) for one in identity.as_list(given)]
    else:
        texts = [(parameters[name], name) for name in GRANT_HEADERS if name in parameters]
        if not texts:
            return None
        grantees = [
            (one.partition("=")[2].strip().strip('"'), "FULL_CONTROL" if name == "GrantFullControl" else name)
            for text, name in texts
            for one in text.split(",")
        ]
    return [grantee for grantee, permission in grantees if (grantee, permission) != (OWNER, "FULL_CONTROL")]


# BLOCK#public-acls
def is_public_grantee(grantee):
    return grantee in (ALL_USERS, AUTHENTICATED_USERS)


# GUIDE/object-ownership-error-responses.html, BLOCK#access-control-block-public-access-options
def check_acl(call, bucket):
    grants = requested_grants(call.parameters)
    if call.action == "CreateBucket":
        return check_new_acl(call, grants or [])
    if not grants:
        return
    if not acls_count(bucket):
        raise refused("AccessControlListNotSupported", 400, "The bucket does not allow ACLs")
    if any(map(is_public_grantee, grants)) and is_on("block_public_acls", bucket):
        raise denied()


# GUIDE/create-bucket-faq.html: no bucket is created with a public ACL.
def check_new_acl(call, grants):
    if grants and call.parameters.get("ObjectOwnership", "BucketOwnerEnforced") == "BucketOwnerEnforced":
        raise ownership_forbids_acl()
    if any(map(is_public_grantee, grants)):
        block = account_block(call.caller["accountId"])
        if block and block.block_public_acls:
            raise denied()
        raise refused(
            "InvalidBucketAclWithBlockPublicAccessError", 400,
            "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
        )


def ownership_forbids_acl():
    return refused(
        "InvalidBucketAclWithObjectOwnership", 400,
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    )


# GUIDE/object-ownership-existing-bucket.html: not while the bucket's ACL gives others something.
def check_ownership(call, bucket):
    rule = call.parameters.get("OwnershipControls", {}).get("Rule", {})
    others = [grant for grant in bucket.acl.grants if grant.grantees[0].id != OWNER]
    if others and rule.get("ObjectOwnership") == "BucketOwnerEnforced":
        raise ownership_forbids_acl()


# API/API_OwnershipControlsRule.html; GUIDE/about-object-ownership.html: ACLs are on without ownership controls too.
def acls_count(bucket):
    return bucket.ownership_rule != "BucketOwnerEnforced"


# BLOCK#access-control-block-public-access-options: what is shown, and counts, is what S3 enforces. What is stored stays.
def effective(bucket, acl):
    if not acls_count(bucket):
        return canned_acl("private")
    if is_on("ignore_public_acls", bucket):
        return FakeAcl([grant for grant in acl.grants if not is_public_grantee(grant.grantees[0].uri)])
    return acl


@replaces(S3Backend)
def get_bucket_acl(self, bucket_name):
    bucket = self.get_bucket(bucket_name)
    return effective(bucket, bucket.acl)


@replaces(S3Backend)
def get_object_acl(self, key):
    return effective(self.get_bucket(key.bucket_name), key.acl)


moto_get_canned_acl = models.get_canned_acl


def one_by_one(acl):
    """Each permission of each grantee as a grant of its own, as they are shown. moto shows the first of each grant."""
    pairs = [pair for grant in acl.grants for pair in itertools.product(grant.grantees, grant.permissions)]
    return FakeAcl([FakeGrant([grantee], [permission]) for grantee, permission in pairs])


def canned_acl(name):
    return one_by_one(moto_get_canned_acl(name))


models.get_canned_acl = responses.get_canned_acl = canned_acl

moto_acl_from_headers = S3Response._acl_from_headers


# API/API_PutObjectAcl.html: the ACL may be in the body. GUIDE/acl-overview.html#canned-acl: without one, an object is private,
# whatever the bucket's ACL is.
@replaces(S3Response)
def _acl_from_headers(self, headers):
    acl = moto_acl_from_headers(self, headers)
    if acl is None and self.parse_key_name():
        acl = self._acl_from_body() if "acl" in self.querystring and self.body else canned_acl("private")
    return acl and one_by_one(acl)


moto_acl_from_body = S3Response._acl_from_body


# API/API_PutBucketAcl.html: a list without grants gives nobody anything.
@replaces(S3Response)
def _acl_from_body(self):
    if b"<Grant>" not in self.body and b"<AccessControlPolicy" in self.body:
        return FakeAcl([])
    return moto_acl_from_body(self)


moto_put_object_acl = S3Response.put_object_acl


# API/API_PutObjectAcl.html: the list of the version that is named. moto writes that of the newest.
@replaces(S3Response)
def put_object_acl(self):
    version = self._get_param("versionId")
    if not version:
        return moto_put_object_acl(self)
    key = self.backend.get_object(self.bucket_name, self.parse_key_name(), version_id=version)
    if key is None:
        raise refused("NoSuchVersion", 404, "The specified version does not exist.")
    key.set_acl(self._acl_from_headers(self.headers))
    return 200, {}, ""


# ---------------------------------------------------------------------------------------------------------
# Policies


@replaces(responses)
def bucket_policy_is_public(policy):
    return s3_policy.is_public(policy)


# API/API_PutBucketPolicy.html, ERRORS
def check_policy(call, bucket):
    document = call.parameters.get("Policy", "")
    fault = s3_policy.fault_of(document, bucket.name)
    if fault:
        raise refused("MalformedPolicy", 400, fault)
    if is_on("block_public_policy", bucket) and s3_policy.is_public(document):
        raise denied()


# ---------------------------------------------------------------------------------------------------------
# Who may do what
#
# Callers of the bucket's account may do all that their own policies allow and the bucket's does not deny; others, and nobody in
# particular, what the bucket's policy or an ACL allows.

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html: where a permission's name is another one
# than the call's.
PERMISSIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
OF_VERSIONS = ("GetObject", "GetObjectAcl", "GetObjectTagging", "PutObjectAcl", "PutObjectTagging", "DeleteObject")

# GUIDE/acl-overview.html#permissions: on the object's ACL, or the bucket's.
BY_OBJECT_ACL = {"GetObject": "READ", "GetObjectAcl": "READ_ACP", "PutObjectAcl": "WRITE_ACP"}
BY_BUCKET_ACL = {
    "ListBucket": "READ", "ListBucketVersions": "READ", "ListBucketMultipartUploads": "READ",
    "PutObject": "WRITE", "DeleteObject": "WRITE", "GetBucketAcl": "READ_ACP", "PutBucketAcl": "WRITE_ACP",
}


def permission(call):
    name = PERMISSIONS.get(call.action, call.action)
    if "VersionId" in call.parameters and name in OF_VERSIONS:
        return name.replace("Object", "ObjectVersion", 1)
    return name


# GUIDE/amazon-s3-policy-keys.html, and the global condition keys. What is not here is in no request.
def context_of(call, environ):
    context = {
        "aws:securetransport": str(environ.get("wsgi.url_scheme") == "https").lower(),
        "aws:sourceip": environ.get("REMOTE_ADDR", "127.0.0.1"),
        "aws:useragent": environ.get("HTTP_USER_AGENT"),
        "aws:referer": environ.get("HTTP_REFERER"),
        "s3:prefix": call.parameters.get("Prefix"),
        "s3:delimiter": call.parameters.get("Delimiter"),
        "s3:x-amz-acl": call.parameters.get("ACL"),
        "s3:versionid": call.parameters.get("VersionId"),
    }
    if call.access_key_id:
        who = call.caller
        issuer = who.get("sessionContext", {}).get("sessionIssuer", {})
        context |= {
            "aws:principalaccount": who["accountId"],
            "aws:principalarn": issuer.get("arn", who.get("arn")),
            "aws:userid": who.get("principalId"),
            "aws:username": who.get("userName"),
            "aws:requestedregion": call.region,
        }
    return context


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html, and
# GUIDE/access-control-auth-workflow-object-operation.html
def check_permission(call, bucket, environ):
    if not is_allowed(call, permission(call), bucket, environ):
        raise denied()
    # API/API_GetObject.html: who may not list the bucket is not told that there is no such object.
    is_missing = call.action in ("GetObject", "HeadObject") and call.parameters["Key"] not in bucket.keys
    if is_missing and not is_allowed(call, "ListBucket", bucket, environ):
        raise denied()


def is_allowed(call, name, bucket, environ):
    caller = call.caller if call.access_key_id else None
    key = call.parameters.get("Key") if name not in ("ListBucket",) else None
    resource = f"arn:aws:s3:::{bucket.name}" + (f"/{key}" if key else "")
    decided = s3_policy.decision(bucket.policy, caller, f"s3:{name}", resource, context_of(call, environ))
    if decided == "Deny":
        return False
    if caller and caller["accountId"] == bucket.account_id:
        return True
    if decided == "Allow" and not (is_on("restrict_public_buckets", bucket) and s3_policy.is_public(bucket.policy)):
        return True
    return is_allowed_by_acl(caller, name, bucket, call.parameters)


# GUIDE/acl-overview.html#permissions: an object's list is that of the version that is asked for.
def is_allowed_by_acl(caller, name, bucket, parameters):
    of_object = name.replace("ObjectVersion", "Object")
    if of_object in BY_OBJECT_ACL:
        thing, wanted = version_of(bucket, parameters.get("Key"), parameters.get("VersionId")), BY_OBJECT_ACL[of_object]
    else:
        thing, wanted = bucket, BY_BUCKET_ACL.get(name)
    if wanted is None or not isinstance(thing, (FakeBucket, FakeKey)):
        return False
    groups = (ALL_USERS, AUTHENTICATED_USERS) if caller else (ALL_USERS,)
    return any(
        grant.grantees[0].uri in groups and grant.permissions[0] in (wanted, "FULL_CONTROL")
        for grant in effective(bucket, thing.acl).grants
    )


def version_of(bucket, key, version):
    if version is None:
        return bucket.keys.get(key)
    return next((one for one in bucket.keys.getlist(key, []) if str(one.version_id) == version), None)


# All is decided before moto sees the call. It would look at parts of the policy alone.
@replaces(FakeBucket)
def get_permission(self, _action, _resource):
    return PermissionResult.PERMITTED


# ---------------------------------------------------------------------------------------------------------
# Access points


moto_create_access_point = S3ControlResponse.create_access_point


# API/API_control_CreateAccessPoint.html: in the request's region, and of a bucket.
@replaces(S3ControlResponse)
def create_access_point(self):
    account, name, bucket = (self._get_param(param) for param in ("AccountId", "Name", "Bucket"))
    if bucket_named(bucket) is None:
        raise refused("NoSuchBucket", 404, "The specified bucket does not exist")
    if name in self.backend.access_points[account]:
        raise refused(
            "AccessPointAlreadyOwnedByYou", 409,
            "Your previous request to create the named accesspoint succeeded and you already own it.",
        )
    answer = moto_create_access_point(self)
    access_point = self.backend.access_points[account][name]
    access_point.arn = answer.result["AccessPointArn"] = f"arn:aws:s3:{self.region}:{account}:accesspoint/{name}"
    return answer


moto_get_access_point = S3ControlResponse.get_access_point


# API/API_control_GetAccessPoint.html: BucketAccountId
@replaces(S3ControlResponse)
def get_access_point(self):
    result = moto_get_access_point(self).result
    bucket = bucket_named(result["Bucket"])
    return ActionResult({**result, "BucketAccountId": bucket and bucket.account_id})


moto_delete_access_point = S3ControlBackend.delete_access_point


# API/API_control_DeleteAccessPoint.html
@replaces(S3ControlBackend)
def delete_access_point(self, account_id, name):
    self.get_access_point(account_id, name)
    moto_delete_access_point(self, account_id, name)


# BLOCK#access-control-block-public-access-policy-status-access-points
def is_public_access_point(access_point, policy):
    return access_point.network_origin != "VPC" and s3_policy.is_public(policy, of_access_point=True)


SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")

moto_put_access_point_policy = S3ControlBackend.put_access_point_policy


# BLOCK#access-control-block-public-access-options: the block of the access point, of its bucket in the same account, or of the
# account.
@replaces(S3ControlBackend)
def put_access_point_policy(self, account_id, name, policy):
    access_point = self.get_access_point(account_id, name)
    try:
        is_public = is_public_access_point(access_point, policy)
    except (ValueError, AttributeError):
        raise refused("MalformedPolicy", 400, "Policies must be valid JSON and the first byte must be '{'") from None
    bucket = bucket_named(access_point.bucket)
    own = PublicAccessBlock(*(access_point.pubc[name] for name in SWITCHES))
    blocks = [own, account_block(account_id)]
    if bucket and bucket.account_id == account_id:
        blocks.append(bucket.public_access_block)
    if is_public and any(block and block.block_public_policy for block in blocks):
        raise denied()
    moto_put_access_point_policy(self, account_id, name, policy)


# API/API_control_GetAccessPointPolicyStatus.html
@replaces(S3ControlResponse)
def get_access_point_policy_status(self):
    account, name = self._get_param("AccountId"), self._get_param("Name")
    policy = self.backend.get_access_point_policy(account, name)
    is_public = is_public_access_point(self.backend.get_access_point(account, name), policy)
    return ActionResult({"PolicyStatus": {"IsPublic": is_public}})


# ---------------------------------------------------------------------------------------------------------
# Before moto sees a call

CHECKS = {
    "CopyObject": check_acl,
    "CreateMultipartUpload": check_acl,
    "PutBucketAcl": check_acl,
    "PutBucketOwnershipControls": check_ownership,
    "PutBucketPolicy": check_policy,
    "PutObject": check_acl,
    "PutObjectAcl": check_acl,
}


def check(call, environ):
    """Refuses a call that AWS would refuse."""
    if call.service == "s3control":
        return check_control(call)
    bucket = bucket_named(call.parameters.get("Bucket"))
    if bucket is None or call.action == "CreateBucket":
        if not call.access_key_id and (call.action == "CreateBucket" or "Bucket" not in call.parameters):
            raise denied()
        if call.action == "CreateBucket":
            check_acl(call, None)
        return
    check_region(call, bucket)
    check_owner(call, bucket)
    check_permission(call, bucket, environ)
    if call.action in CHECKS:
        CHECKS[call.action](call, bucket)


# API/API_control_PutPublicAccessBlock.html: not where the organization decides. Others' accounts are out of reach.
def check_control(call):
    account = call.parameters.get("AccountId")
    if not call.access_key_id or (account and account != call.caller["accountId"]):
        raise denied()
    if call.action in ("PutPublicAccessBlock", "DeletePublicAccessBlock") and is_enforced_by_organization(account):
        raise denied()


# GUIDE/Redirects.html, ERRORS: PermanentRedirect. API/API_GetBucketLocation.html is answered everywhere.
def check_region(call, bucket):
    if call.access_key_id and call.region != bucket.region_name and call.action != "GetBucketLocation":
        raise refused(
            "PermanentRedirect", 301,
            "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future "
            "requests to this endpoint.",
            [("x-amz-bucket-region", bucket.region_name)],
        )


# GUIDE/bucket-owner-condition.html
def check_owner(call, bucket):
    if call.parameters.get("ExpectedBucketOwner", bucket.account_id) != bucket.account_id:
        raise denied()
