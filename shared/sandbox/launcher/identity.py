"""What IAM and STS do and moto does not.

API is https://docs.aws.amazon.com/IAM/latest/APIReference, GUIDE is https://docs.aws.amazon.com/IAM/latest/UserGuide
"""

import fnmatch
import json
import re
import sys
import threading

from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.core.serialize import never_return
from moto.core.utils import utcnow
from moto.iam import models
from moto.iam.access_control import IAMPolicy, IAMUserAccessKey
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.exceptions import (
    DeleteConflictException,
    EntityAlreadyExists,
    IAMException,
    LimitExceededException,
    MalformedPolicyDocument,
    NoSuchEntity,
    ValidationError,
)
from moto.iam.models import AWSManagedPolicy, IAMBackend, ManagedPolicy, Role, User, iam_backends
from moto.iam.policy_validation import (
    VALID_VERSIONS,
    BaseIAMPolicyValidator,
    IAMTrustPolicyDocumentValidator,
)
from moto.iam.responses import IamResponse
from moto.iam.utils import generate_access_key_id_from_account_id, random_alphanumeric
from moto.sts.models import STSBackend, sts_backends
from moto.sts.responses import TokenResponse

from calls import Refused, credential_scope
from common import page, replaces

# Guards moto's state of these services. Calls to other services look at it too, to tell what the caller may do.
LOCK = threading.RLock()


# ---------------------------------------------------------------------------------------------------------
# Whose call it is, and what it may do.
#
# Only for access keys of users that were created here: any other key may do everything, as without this.
# Permissions boundaries, service control policies and the policies of assumed roles are not looked at.

# GUIDE/troubleshoot_access-denied.html and the pages on common errors of each service
INVALID_KEY = {
    "ec2": ("AuthFailure", 401),
    "json": ("UnrecognizedClientException", 400),
    "s3": ("InvalidAccessKeyId", 403),
    "s3control": ("InvalidAccessKeyId", 403),
    None: ("InvalidClientTokenId", 403),
}
DENIED = {
    "ec2": ("UnauthorizedOperation", 403),
    "json": ("AccessDeniedException", 400),
    None: ("AccessDenied", 403),
}

# Each access key that a user was ever given, and the backend with the user, by the key's id.
KEYS = {}

moto_create_access_key = IAMBackend.create_access_key


@replaces(IAMBackend)
def create_access_key(self, user_name, prefix="AKIA", status="Active"):
    key = moto_create_access_key(self, user_name, prefix, status)
    KEYS[key.access_key_id] = (self, key)
    return key


def user_of_key(access_key_id):
    """The user whose key it is, while there is such a key."""
    backend, key = KEYS.get(access_key_id, (None, None))
    return backend.users[key.user_name] if key and access_key_id in backend.access_keys else None


# API/API_UpdateAccessKey.html: a key that is inactive, or deleted, signs no calls.
def check_key(access_key_id):
    """Before anything else, so that a call that is refused is no use of the key, and again when the call has its turn."""
    with LOCK:
        backend, key = KEYS.get(access_key_id, (None, None))
        if key and (key.status != "Active" or access_key_id not in backend.access_keys):
            raise Refused(INVALID_KEY, "The security token included in the request is invalid.")


# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
def caller(access_key_id):
    """The userIdentity of a call with that key."""
    with LOCK:
        user = user_of_key(access_key_id)
        session = None
        if access_key_id.startswith("ASIA"):
            sessions = (b["aws"].get_assumed_role_from_access_key(access_key_id) for b in sts_backends.values())
            session = next((found for found in sessions if found), None)
        if user:
            who = {"type": "IAMUser", "principalId": user.id, "arn": user.arn, "userName": user.name}
        elif session:
            role_id, role_name = session.user_id.partition(":")[0], session.role_arn.rpartition("/")[2]
            issuer = {
                "type": "Role", "principalId": role_id, "arn": session.role_arn,
                "accountId": session.account_id, "userName": role_name,
            }
            who = {
                "type": "AssumedRole", "principalId": session.user_id, "arn": session.arn,
                "sessionContext": {"sessionIssuer": issuer},
            }
        else:
            who = {"type": "Unknown"}
        account = (user or session).account_id if user or session else models.get_account_id_from(access_key_id)
        return {**who, "accountId": account, "accessKeyId": access_key_id}


moto_get_account_id_from = models.get_account_id_from
ACCOUNT_KEY = re.compile("AKIA([0-9]{12})[0-9]{4}")


# For tests: a key whose id has an account's number in it is of that account, with nothing created first.
@replaces(models)
def get_account_id_from(access_key):
    named = ACCOUNT_KEY.fullmatch(access_key)
    return named[1] if named else moto_get_account_id_from(access_key)


moto_mark_account_as_visited = models.mark_account_as_visited


# API/API_GetAccessKeyLastUsed.html: moto notes the use, but not safely while another call deletes the key.
@replaces(models)
def mark_account_as_visited(*args, **kwargs):
    with LOCK:
        moto_mark_account_as_visited(*args, **kwargs)


# GUIDE/reference_policies_evaluation-logic.html: an explicit deny wins, and without an allow there is no permission.
@replaces(ActionAuthenticatorMixin)
def _authenticate_and_authorize_action(self, iam_request_cls, resource="*"):
    with LOCK:
        check_key(self.access_key)
        user = user_of_key(self.access_key)
        if user is None:
            return
        _, region, service = credential_scope(self.headers.get("Authorization", ""))
        action = f"{service}:{self._get_action()}"
        backend, key = KEYS[self.access_key]
        owned = IAMUserAccessKey(backend.account_id, backend.partition, key.access_key_id, {})
        context = {
            "aws:username": user.name,
            "aws:userid": user.id,
            "aws:principalarn": user.arn,
            "aws:principalaccount": user.account_id,
            "aws:principaltype": "User",
            "aws:requestedregion": region,
        }
        effects = {
            statement["Effect"]
            for policy in owned.collect_policies()
            for statement in statements(policy)
            if applies(statement, action, resource, context)
        }
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: no permissions are required.
    if action == "sts:GetCallerIdentity" or effects == {"Allow"}:
        return
    reason = (
        "with an explicit deny in an identity-based policy" if effects
        else f"because no identity-based policy allows the {action} action"
    )
    raise Refused(DENIED, f"User: {user.arn} is not authorized to perform: {action} on resource: {resource} {reason}")


def statements(policy):
    found = IAMPolicy(policy)._policy_json["Statement"]
    return found if isinstance(found, list) else [found]


def as_list(value):
    return value if isinstance(value, list) else [value]


# GUIDE/reference_policies_elements_action.html: letter case is ignored, and * and ? are wildcards.
def matches(patterns, value):
    return any(fnmatch.fnmatchcase(value.lower(), str(pattern).lower()) for pattern in as_list(patterns))


# GUIDE/reference_policies_elements.html. moto names the resource only of some calls on roles; of others it is "*".
def applies(statement, action, resource, context):
    def covers(element, value):
        if f"Not{element}" in statement:
            return not matches(statement[f"Not{element}"], value)
        return matches(statement.get(element, []), value)

    return covers("Action", action) and covers("Resource", resource) and all(
        is_met(operator, wanted, context.get(key.lower()))
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


# GUIDE/reference_policies_elements_condition_operators.html: what is not in the request meets only negated conditions.
def is_met(operator, wanted, value):
    """Whether a condition is met. The keys of times, numbers and addresses are absent in every request here."""
    if operator == "Null":
        return (value is None) == (str(wanted).lower() == "true")
    negated = "Not" in operator
    if value is None:
        return negated or operator.endswith("IfExists") or operator.startswith("ForAllValues:")
    return matches(wanted, value) != negated


moto_iam_get_param = BaseResponse._get_param


# API/API_ListAccessKeys.html and others: where the user's name may be left out, it is the caller's.
@replaces(IamResponse, "_get_param")
def iam_get_param(self, param_name, if_none=None):
    value = moto_iam_get_param(self, param_name, if_none)
    if param_name != "UserName" or value is not None:
        return value
    user = user_of_key(self.access_key)
    if user is None:
        raise ValidationError("Must specify userName when calling with non-User credentials")
    return user.name


# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html: a role that is not there is denied, like
# one that may not be assumed. Trust policies are not looked at.
moto_assume_role = STSBackend.assume_role


@replaces(STSBackend)
def assume_role(self, role_arn, **others):
    account = role_arn.split(":")[4] if role_arn.count(":") == 5 else self.account_id
    if all(role.arn != role_arn for role in iam_backends[account][self.partition].get_roles()):
        raise Refused(DENIED, f"User is not authorized to perform: sts:AssumeRole on resource: {role_arn}")
    return moto_assume_role(self, role_arn=role_arn, **others)


# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html and API_GetFederationToken.html: each
# session has a key of its own. moto gives the same one to all.
def with_own_key(action):
    moto_action = getattr(TokenResponse, action)

    def give_out(self):
        answer = moto_action(self)
        key_id = generate_access_key_id_from_account_id(self.current_account, "ASIA", 20)
        answer.result["Credentials"]["AccessKeyId"] = key_id
        return answer

    setattr(TokenResponse, action, give_out)


for action in ("get_session_token", "get_federation_token"):
    with_own_key(action)


# ---------------------------------------------------------------------------------------------------------
# Users

moto_user_init = User.__init__


# GUIDE/reference_identifiers.html#identifiers-prefixes
@replaces(User, "__init__")
def user_init(self, account_id, *args, **kwargs):
    moto_user_init(self, account_id, *args, **kwargs)
    self.id = generate_access_key_id_from_account_id(account_id, "AIDA", 21)
    self.permissions_boundary = None
    self.login_profile_date = None
    self.service_specific_credentials = {}


moto_delete_user = IAMBackend.delete_user


# API/API_DeleteUser.html
@replaces(IAMBackend)
def delete_user(self, user_name):
    user = self.get_user(user_name)
    referenced = (user.ssh_public_keys, user.signing_certificates, user.service_specific_credentials)
    for left, what in (
        (user.access_keys, "must delete access keys first."),
        (user.password, "must delete login profile first."),
        (user.mfa_devices, "must delete MFA device first."),
        (any(referenced), "must remove referenced objects first."),
        (self.get_groups_for_user(user_name), "must remove users from group first."),
    ):
        if left:
            raise DeleteConflictException(f"Cannot delete entity, {what}")
    moto_delete_user(self, user_name)


moto_update_user = IAMBackend.update_user


# API/API_UpdateUser.html: what the user has goes along to the new name.
@replaces(IAMBackend)
def update_user(self, user_name, new_path=None, new_user_name=None):
    user = self.get_user(user_name)
    if new_user_name in self.users and new_user_name != user_name:
        raise EntityAlreadyExists(f"User with name {new_user_name} already exists.")
    tags = self.tagger.list_tags_for_resource(user.arn)["Tags"]
    self.tagger.delete_all_tags_for_resource(user.arn)
    moto_update_user(self, user_name, new_path, new_user_name)
    self.tagger.tag_resource(user.arn, tags)
    for thing in (*user.access_keys, *user.ssh_public_keys, *user.signing_certificates.values()):
        thing.user_name = user.name
    for credential in user.service_specific_credentials.values():
        credential["UserName"] = user.name


def boundary(backend, policy_arn):
    if policy_arn not in backend.managed_policies:
        raise NoSuchEntity(f"Scope ARN: {policy_arn} does not exist or is not attachable.")
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": policy_arn}


moto_create_user = IamResponse.create_user


# API/API_CreateUser.html: with a permissions boundary.
@replaces(IamResponse)
def create_user(self):
    policy_arn = self._get_param("PermissionsBoundary")
    of_user = boundary(self.backend, policy_arn) if policy_arn else None
    created = moto_create_user(self)
    created.result["User"].permissions_boundary = of_user
    return created


# API/API_PutUserPermissionsBoundary.html
@replaces(IamResponse)
def put_user_permissions_boundary(self):
    user = self.backend.get_user(self._get_param("UserName"))
    user.permissions_boundary = boundary(self.backend, self._get_param("PermissionsBoundary"))
    return EmptyResult()


# API/API_DeleteUserPermissionsBoundary.html
@replaces(IamResponse)
def delete_user_permissions_boundary(self):
    self.backend.get_user(self._get_param("UserName")).permissions_boundary = None
    return EmptyResult()


# API/API_ListUsers.html: permissions boundaries are not shown.
IamResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER["ListUsersResponse.Users.User.PermissionsBoundary"] = never_return


INLINE_POLICY_SIZE = 2048
moto_put_user_policy = IAMBackend.put_user_policy


# GUIDE/reference_iam-quotas.html: all inline policies of a user together, without white space.
@replaces(IAMBackend)
def put_user_policy(self, user_name, policy_name, policy_json):
    others = {name: text for name, text in self.get_user(user_name).policies.items() if name != policy_name}
    if sum(len("".join(text.split())) for text in (*others.values(), policy_json)) > INLINE_POLICY_SIZE:
        raise LimitExceededException(f"Maximum policy size of {INLINE_POLICY_SIZE} bytes exceeded for user {user_name}")
    moto_put_user_policy(self, user_name, policy_name, policy_json)


# ---------------------------------------------------------------------------------------------------------
# Passwords and MFA devices


def login_profile(user):
    return ActionResult({
        "LoginProfile": {
            "UserName": user.name,
            "CreateDate": user.login_profile_date,
            "PasswordResetRequired": user.password_reset_required,
        }
    })


# API/API_CreateLoginProfile.html: with its own date, and PasswordResetRequired.
@replaces(IamResponse)
def create_login_profile(self):
    user = self.backend.create_login_profile(self._get_param("UserName"), self._get_param("Password"))
    user.login_profile_date = utcnow()
    user.password_reset_required = self._get_bool_param("PasswordResetRequired", False)
    return login_profile(user)


# API/API_GetLoginProfile.html
@replaces(IamResponse)
def get_login_profile(self):
    return login_profile(self.backend.get_login_profile(self._get_param("UserName")))


# API/API_UpdateLoginProfile.html: what is not given stays.
@replaces(IamResponse)
def update_login_profile(self):
    user = self.backend.get_login_profile(self._get_param("UserName"))
    user.password = self._get_param("Password") or user.password
    user.password_reset_required = self._get_bool_param("PasswordResetRequired", user.password_reset_required)
    return EmptyResult()


moto_enable_mfa_device = IAMBackend.enable_mfa_device


# API/API_EnableMFADevice.html: a virtual device has to be there, and be nobody's.
@replaces(IAMBackend)
def enable_mfa_device(self, user_name, serial_number, *codes):
    device = self.virtual_mfa_devices.get(serial_number)
    if device is None and serial_number.startswith("arn:"):
        raise NoSuchEntity(f"VirtualMFADevice with serial number {serial_number} doesn't exist.")
    if device and device.user:
        raise EntityAlreadyExists("MFADevice entity at the same path and name already exists.")
    moto_enable_mfa_device(self, user_name, serial_number, *codes)


moto_delete_virtual_mfa_device = IAMBackend.delete_virtual_mfa_device


# API/API_DeleteVirtualMFADevice.html: it has to be deactivated first.
@replaces(IAMBackend)
def delete_virtual_mfa_device(self, serial_number):
    device = self.virtual_mfa_devices.get(serial_number)
    if device and device.user:
        raise DeleteConflictException("MFA VirtualDevice in use. Must deactivate first.")
    moto_delete_virtual_mfa_device(self, serial_number)


# ---------------------------------------------------------------------------------------------------------
# Service-specific credentials

BEDROCK = "bedrock.amazonaws.com"
CREDENTIAL_SERVICES = ("codecommit.amazonaws.com", "cassandra.amazonaws.com", BEDROCK)
CREDENTIALS_PER_SERVICE = 2


def credential_service(self):
    service = self._get_param("ServiceName")
    if service and service not in CREDENTIAL_SERVICES:
        raise IAMException("NotSupportedService", f"The service {service} is not supported for this action.")
    return service


def new_secret(credential):
    kind = "ServiceCredentialSecret" if credential["ServiceName"] == BEDROCK else "ServicePassword"
    credential[kind] = random_alphanumeric(44)


def named_credential(self):
    user = self.backend.get_user(self._get_param("UserName"))
    credential_id = self._get_param("ServiceSpecificCredentialId")
    if credential_id not in user.service_specific_credentials:
        raise NoSuchEntity(f"No such credential {credential_id} exists.")
    return user, user.service_specific_credentials[credential_id]


# API/API_CreateServiceSpecificCredential.html, GUIDE/reference_iam-quotas.html
@replaces(IamResponse)
def create_service_specific_credential(self):
    user, service = self.backend.get_user(self._get_param("UserName")), credential_service(self)
    there = [c for c in user.service_specific_credentials.values() if c["ServiceName"] == service]
    if len(there) >= CREDENTIALS_PER_SERVICE:
        raise LimitExceededException(
            f"Cannot exceed quota for ServiceSpecificCredentialsPerUser: {CREDENTIALS_PER_SERVICE}"
        )
    credential_id = generate_access_key_id_from_account_id(user.account_id, "ACCA", 21)
    credential = {
        "UserName": user.name,
        "ServiceName": service,
        "ServiceSpecificCredentialId": credential_id,
        "Status": "Active",
        "CreateDate": utcnow(),
    }
    name_kind = "ServiceCredentialAlias" if service == BEDROCK else "ServiceUserName"
    credential[name_kind] = f"{user.name}+{credential_id[-4:]}-at-{user.account_id}"
    new_secret(credential)
    user.service_specific_credentials[credential_id] = credential
    return ActionResult({"ServiceSpecificCredential": credential})


# API/API_ListServiceSpecificCredentials.html
@replaces(IamResponse)
def list_service_specific_credentials(self):
    service = credential_service(self)
    everyone = self._get_bool_param("AllUsers", False)
    users = self.backend.users.values() if everyone else [self.backend.get_user(self._get_param("UserName"))]
    found = [
        credential
        for user in users
        for credential in user.service_specific_credentials.values()
        if service in (None, credential["ServiceName"])
    ]
    return ActionResult({"ServiceSpecificCredentials": found})


# API/API_UpdateServiceSpecificCredential.html
@replaces(IamResponse)
def update_service_specific_credential(self):
    _, credential = named_credential(self)
    credential["Status"] = self._get_param("Status")
    return EmptyResult()


# API/API_ResetServiceSpecificCredential.html
@replaces(IamResponse)
def reset_service_specific_credential(self):
    _, credential = named_credential(self)
    new_secret(credential)
    return ActionResult({"ServiceSpecificCredential": credential})


# API/API_DeleteServiceSpecificCredential.html
@replaces(IamResponse)
def delete_service_specific_credential(self):
    user, credential = named_credential(self)
    del user.service_specific_credentials[credential["ServiceSpecificCredentialId"]]
    return EmptyResult()


# ---------------------------------------------------------------------------------------------------------
# Policies and roles

# A few of AWS's own policies. All of them would cost moto 0.1 s for each partition of each account.
AWS_POLICIES = (
    "AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess", "IAMUserChangePassword", "AWSDenyAll",
    "AWSCompromisedKeyQuarantine", "AWSCompromisedKeyQuarantineV2", "AWSCompromisedKeyQuarantineV3",
)


def aws_policy_data(name):
    """The policy in moto's collection, without reading all of its 5 MB."""
    key = f'\n "{name}":'
    start = aws_managed_policies_data.index(key) + len(key)
    return json.JSONDecoder().raw_decode(aws_managed_policies_data, start)[0]


AWS_POLICY_DATA = {name: aws_policy_data(name) for name in AWS_POLICIES}


# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
@replaces(IAMBackend)
def _init_aws_policies(self):
    return [
        AWSManagedPolicy.from_data(name, self.account_id, self.region_name, data)
        for name, data in AWS_POLICY_DATA.items()
    ]


moto_attach_to = ManagedPolicy.attach_to


# API/API_AttachUserPolicy.html: attaching a policy again changes nothing.
@replaces(ManagedPolicy)
def attach_to(self, obj):
    if self.arn not in obj.managed_policies:
        moto_attach_to(self, obj)


moto_delete_policy = IAMBackend.delete_policy


# API/API_DeletePolicy.html
@replaces(IAMBackend)
def delete_policy(self, policy_arn):
    if self.get_policy(policy_arn).attachment_count:
        raise DeleteConflictException("Cannot delete a policy attached to entities.")
    moto_delete_policy(self, policy_arn)


moto_validate_condition_syntax = BaseIAMPolicyValidator._validate_condition_syntax


# GUIDE/reference_policies_elements_condition_operators.html#Conditions_Numeric: numbers need no quotation marks.
@replaces(BaseIAMPolicyValidator)
@staticmethod
def _validate_condition_syntax(statement):
    conditions = statement.get("Condition")
    if isinstance(conditions, dict):
        texts = {
            operator: {key: str(v) if type(v) in (int, float) else v for key, v in keys.items()}
            for operator, keys in conditions.items()
            if isinstance(keys, dict)
        }
        statement = {**statement, "Condition": {**conditions, **texts}}
    moto_validate_condition_syntax(statement)


moto_validate_trust_policy = IAMTrustPolicyDocumentValidator.validate


# GUIDE/reference_policies_elements_principal.html: required in trust policies.
@replaces(IAMTrustPolicyDocumentValidator)
def validate(self):
    moto_validate_trust_policy(self)
    if any("Principal" not in statement and "NotPrincipal" not in statement for statement in self._statements):
        raise MalformedPolicyDocument("Missing required field Principal")


# GUIDE/reference_policies_elements_version.html: trust policies may be of the older version, also by not naming one.
@replaces(IAMTrustPolicyDocumentValidator)
def _validate_version(self):
    assert self._policy_json.get("Version", VALID_VERSIONS[0]) in VALID_VERSIONS


moto_create_role = IAMBackend.create_role


# API/API_CreateRole.html: errors, MalformedPolicyDocument
@replaces(IAMBackend)
def create_role(self, role_name, assume_role_policy_document, *args, **kwargs):
    IAMTrustPolicyDocumentValidator(assume_role_policy_document).validate()
    return moto_create_role(self, role_name, assume_role_policy_document, *args, **kwargs)


def ids_by_arn():
    """The unique ids of all users and roles there are, in whatever account, by ARN."""
    backends = [of_account["aws"] for of_account in iam_backends.values()]
    return {one.arn: one.id for iam in backends for one in (*iam.users.values(), *iam.roles.values())}


def with_principals(document, change):
    """The policy document with each text under Principal.AWS and NotPrincipal.AWS changed."""
    document = json.loads(document)
    for statement in as_list(document["Statement"]):
        for element in ("Principal", "NotPrincipal"):
            named = statement.get(element)
            if isinstance(named, dict) and "AWS" in named:
                texts = named["AWS"]
                named["AWS"] = [change(text) for text in texts] if isinstance(texts, list) else change(texts)
    return json.dumps(document)


# GUIDE/reference_policies_elements_principal.html: an account's id is saved as its root's ARN, a user or a role by its
# unique id. That is shown as the ARN it has by now, or as it is once the user or role has been deleted; and refused then.
def saved_trust_policy(self, document):
    ids = ids_by_arn()

    def saved(text):
        if re.fullmatch("[0-9]{12}", text):
            return f"arn:{self.partition}:iam::{text}:root"
        if text != "*" and not text.startswith("arn:") and text not in ids.values():
            raise MalformedPolicyDocument(f'Invalid principal in policy: "AWS":"{text}"')
        return ids.get(text, text)

    self.saved_trust_policy = with_principals(document, saved)


def shown_trust_policy(self):
    arns = {unique_id: arn for arn, unique_id in ids_by_arn().items()}
    return with_principals(self.saved_trust_policy, lambda text: arns.get(text, text))


Role.assume_role_policy_document = property(shown_trust_policy, saved_trust_policy)


# API/API_AddClientIDToOpenIDConnectProvider.html: adding one that is there already changes nothing.
@replaces(IamResponse)
def add_client_id_to_open_id_connect_provider(self):
    provider = self.backend.get_open_id_connect_provider(self._get_param("OpenIDConnectProviderArn"))
    client_id = self._get_param("ClientID")
    if client_id not in provider.client_id_list:
        provider.client_id_list.append(client_id)
    return EmptyResult()


# ---------------------------------------------------------------------------------------------------------
# Lists in pages


# API/API_ListUsers.html and others: Marker, MaxItems, IsTruncated
def in_pages(action, items_name):
    whole_list = getattr(IamResponse, action)

    def list_page(self):
        token, size = self.params.pop("Marker", None), self.params.pop("MaxItems", None)
        # moto has pages for some lists, and an empty last one where the one before it was full.
        self.params["MaxItems"] = sys.maxsize
        result = whole_list(self).result
        try:
            items, marker = page(list(result[items_name]), token, size)
        except ValueError:
            raise ValidationError("Invalid Marker.") from None
        return ActionResult({**result, items_name: items, "IsTruncated": marker is not None, "Marker": marker})

    setattr(IamResponse, action, list_page)


for action, items_name in {
    "list_access_keys": "AccessKeyMetadata",
    "list_attached_user_policies": "AttachedPolicies",
    "list_groups_for_user": "Groups",
    "list_mfa_devices": "MFADevices",
    "list_service_specific_credentials": "ServiceSpecificCredentials",
    "list_signing_certificates": "Certificates",
    "list_ssh_public_keys": "SSHPublicKeys",
    "list_user_policies": "PolicyNames",
    "list_users": "Users",
    "list_virtual_mfa_devices": "VirtualMFADevices",
}.items():
    in_pages(action, items_name)
