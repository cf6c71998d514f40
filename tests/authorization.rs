//! What AWS checks when a function makes a call, and whether the function's role in template.yaml allows it.
//!
//! `tests/privileges/authorization.tsv` says what is checked. Each end-to-end test judges its calls by that ([`Judge`]), and
//! `tests/privileges/calls.tsv` keeps which kinds of calls ([`Kind`]) there are, so that `tests/privileges/main.rs` can say what a role
//! may do without need. scripts/renew-privileges writes that file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;

use iam_rs::Decision;
use rules::settings::DEFINITIONS;
use sandbox::Call;
use serde_json::{Value as Json, json};
use serde_yaml_ng::Value;

use crate::ACCOUNT;
use crate::cloudformation::{Stack, references, repository, resources, text};
use crate::evaluator;

/// What the tests' calls are about is in this region, if it is in any in particular.
pub const HOME: &str = "us-east-1";

/// Names the folder to which end-to-end tests write their kinds of calls. Without it, they compare them with calls.tsv.
const RECORD: &str = "SNAPBACK_RECORD_CALLS";

/// Whose a resource may be of which a call does not tell the owner: the account's own, another account's, AWS's.
const ANYBODY: &[&str] = &[ACCOUNT, OTHER, "aws"];

/// Another account.
pub const OTHER: &str = "999988887777";

/// The lines of a table in tests/privileges/, each of so many fields. Comments and the line with the fields' names are left out.
pub fn table<const FIELDS: usize>(name: &str) -> Vec<[String; FIELDS]> {
    let path = repository().join("tests/privileges").join(name);
    let whole = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = whole.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .skip(1)
        .map(|line| {
            let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
            fields.try_into().unwrap_or_else(|_| panic!("{name}: {FIELDS} fields expected in `{line}`"))
        })
        .collect()
}

/// A kind of calls: what a role has to allow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// The function that makes them.
    pub function: String,
    /// The conditions of template.yaml that hold when it does, of those that decide what its role may do.
    pub when: BTreeSet<String>,
    /// Service and operation.
    pub call: String,
    /// The IAM action.
    pub action: String,
    /// The resource, with names in braces for what differs from call to call.
    pub resource: String,
    /// Condition keys with their values, `KEY=VALUE KEY=VALUE`.
    pub context: String,
    /// Where the resource is, if its ARN says so.
    pub region: String,
}

impl Kind {
    /// From a line of calls.tsv.
    pub fn of_line([function, when, call, action, resource, context, region]: [String; 7]) -> Self {
        let when = when.split_whitespace().map(str::to_owned).collect();
        Self { function, when, call, action, resource, context, region }
    }

    /// As a line of calls.tsv.
    pub fn line(&self) -> String {
        let when: Vec<&str> = self.when.iter().map(String::as_str).collect();
        let Self { function, call, action, resource, context, region, .. } = self;
        [function, &when.join(" "), call, action, resource, context, region].map(String::as_str).join("\t")
    }

    /// What the resource may be, with the account, the region and the owner put in; other names are still in braces.
    pub fn resources(&self) -> Vec<String> {
        let known = self.resource.replace("{account}", ACCOUNT).replace("{region}", &self.region);
        ANYBODY.iter().map(|owner| known.replace("{anybody}", owner)).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The condition keys, with the account put in.
    pub fn context(&self) -> Vec<(String, String)> {
        pairs(&self.context.replace("{account}", ACCOUNT).replace("{region}", &self.region))
    }
}

/// A statement of a role, and the conditions of the template under which the role has it.
#[derive(Clone, Debug)]
pub struct Grant {
    /// All of these have to hold.
    pub conditions: BTreeSet<String>,
    /// The statement, resolved.
    pub statement: Json,
}

impl Grant {
    /// The statement's id.
    pub fn sid(&self) -> &str {
        self.statement["Sid"].as_str().unwrap_or_else(|| panic!("no `Sid`: {}", self.statement))
    }

    /// The statement's actions.
    pub fn actions(&self) -> Vec<String> {
        strings(&self.statement["Action"])
    }

    /// The statement's resources.
    pub fn resources(&self) -> Vec<String> {
        strings(&self.statement["Resource"])
    }

    /// Whether it allows an action on a resource.
    pub fn allows(&self, action: &str, resource: &str, context: &[(String, String)]) -> bool {
        let service_region = resource.split(':').nth(3).filter(|region| !region.is_empty()).unwrap_or(HOME);
        let mut keys = vec![("aws:RequestedRegion", service_region)];
        // What an ARN tells of the owner.
        let owner = resource.split(':').nth(4).filter(|owner| owner.len() == ACCOUNT.len());
        keys.extend(owner.map(|owner| ("aws:ResourceAccount", owner)));
        keys.extend(context.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let who = format!("arn:aws:iam::{ACCOUNT}:role/snapback");
        let policy = json!({"Version": "2012-10-17", "Statement": [self.statement]});
        let call = evaluator::Call { who: &who, action, resource, context: &keys };
        evaluator::judge(&policy, &call) == Decision::Allow
    }
}

/// The role of a function, as template.yaml has it.
#[derive(Clone, Debug)]
pub struct Role {
    /// The resource's name.
    pub name: String,
    /// Its statements.
    pub grants: Vec<Grant>,
    /// Why it has each of them, by the statement's id.
    pub why: BTreeMap<String, String>,
}

impl Role {
    /// The role of the function with that name, which is its binary's, too.
    pub fn of(stack: &Stack, function: &str) -> Self {
        let (name, role) = role_resource(&stack.template, function);
        let properties = &role["Properties"];
        assert!(
            properties.get("ManagedPolicyArns").is_none(),
            "{name}: a managed policy says nothing of what it allows"
        );
        let own = properties["Policies"].as_sequence().unwrap().iter().map(unconditional);
        // Policies beside the role that name it.
        let beside = resources(&stack.template, "AWS::IAM::Policy").map(|(_, policy)| policy);
        let beside: Vec<&Value> =
            beside.filter(|policy| references(&policy["Properties"]["Roles"]).contains(&name)).collect();
        let condition = |policy: &Value| policy.get("Condition").map(text);
        let policies = own.chain(beside.iter().map(|policy| (condition(policy), &policy["Properties"])));
        let mut grants = Vec::new();
        for (of_policy, policy) in policies {
            for statement in policy["PolicyDocument"]["Statement"].as_sequence().unwrap() {
                let (of_statement, statement) = unconditional(statement);
                let statement = with_arns(stack, stack.value(statement).unwrap());
                assert_eq!(statement["Effect"], "Allow", "{name}");
                assert!(statement.get("Action").is_some(), "{name}: NotAction allows what nobody has listed");
                grants
                    .push(Grant { conditions: of_policy.clone().into_iter().chain(of_statement).collect(), statement });
            }
        }
        let why = |of: &Value| -> BTreeMap<String, String> {
            let why = of.get("Metadata").and_then(|metadata| metadata.get("Why")).and_then(Value::as_mapping);
            why.into_iter().flatten().map(|(sid, why)| (text(sid), text(why))).collect()
        };
        let why = std::iter::once(role).chain(beside).flat_map(why).collect();
        Self { name, grants, why }
    }

    /// The template's conditions that decide what the role may do.
    pub fn conditions(&self) -> BTreeSet<String> {
        self.grants.iter().flat_map(|grant| grant.conditions.clone()).collect()
    }

    /// The statements that the role has when just these of its conditions hold.
    pub fn grants_when(&self, held: &BTreeSet<String>) -> Vec<&Grant> {
        self.grants.iter().filter(|grant| grant.conditions.is_subset(held)).collect()
    }

    /// Why the role does not allow a call, when just these of its conditions hold.
    ///
    /// # Errors
    /// The reason, with the statements that come closest.
    pub fn allows(
        &self,
        held: &BTreeSet<String>,
        action: &str,
        resource: &str,
        context: &[(String, String)],
    ) -> Result<(), String> {
        if self.grants_when(held).iter().any(|grant| grant.allows(action, resource, context)) {
            return Ok(());
        }
        let near = self.grants.iter().filter(|grant| grant.actions().iter().any(|granted| granted == action));
        let near: Vec<String> = near
            .map(|grant| {
                let condition = grant.statement.get("Condition").map(|condition| format!(" if {condition}"));
                let when: Vec<&str> = grant.conditions.iter().map(String::as_str).collect();
                let when = if when.is_empty() { String::new() } else { format!(" when {}", when.join(" and ")) };
                format!("{} on {}{}{when}", grant.sid(), grant.resources().join(", "), condition.unwrap_or_default())
            })
            .collect();
        let searched = if near.is_empty() { "no statement names the action".to_owned() } else { near.join("; ") };
        Err(format!(
            "{} does not allow {action} on {resource} with {context:?}, {held:?} holding: {searched}",
            self.name
        ))
    }
}

/// A function's name in the template, and its resource.
fn function_resource<'a>(template: &'a Value, function: &str) -> (String, &'a Value) {
    resources(template, "AWS::Serverless::Function")
        .find(|(_, block)| text(&block["Metadata"]["BuildProperties"]["Binary"]) == function)
        .unwrap_or_else(|| panic!("template.yaml has no function with the binary {function}"))
}

/// The name of a function's role in the template, and its resource.
fn role_resource<'a>(template: &'a Value, function: &str) -> (String, &'a Value) {
    let (_, block) = function_resource(template, function);
    let named = references(&block["Properties"]["Role"]);
    resources(template, "AWS::IAM::Role")
        .find(|(name, _)| named.contains(name))
        .unwrap_or_else(|| panic!("the function {function} has no role of the template: {named:?}"))
}

/// A policy or statement, and the condition under which a role has it.
fn unconditional(value: &Value) -> (Option<String>, &Value) {
    match value {
        Value::Tagged(tagged) if tagged.tag == "If" => {
            let otherwise = serde_yaml_ng::to_string(&tagged.value[2]).unwrap();
            assert_eq!(otherwise.trim(), "!Ref AWS::NoValue", "only what is there or not is known here");
            (Some(text(&tagged.value[0])), &tagged.value[1])
        }
        value => (None, value),
    }
}

/// Puts ARNs for what only AWS knows, as [`Stack`] leaves it: `<FailedEvents.Arn>`.
fn with_arns(stack: &Stack, value: Json) -> Json {
    match value {
        Json::String(text) => Json::String(match text.strip_prefix('<').and_then(|text| text.strip_suffix('>')) {
            Some(attribute) => arn(stack, attribute.trim_end_matches(".Arn")),
            None => text,
        }),
        Json::Array(list) => list.into_iter().map(|item| with_arns(stack, item)).collect(),
        Json::Object(fields) => fields.into_iter().map(|(name, item)| (name, with_arns(stack, item))).collect(),
        other => other,
    }
}

/// The ARN of a resource of the template.
pub fn arn(stack: &Stack, name: &str) -> String {
    match text(&stack.template["Resources"][name]["Type"]).as_str() {
        // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html: it ends in `:*`.
        "AWS::Logs::LogGroup" => {
            let properties = stack.properties(name).unwrap();
            format!("arn:aws:logs:{HOME}:{ACCOUNT}:log-group:{}:*", properties["LogGroupName"].as_str().unwrap())
        }
        "AWS::SQS::Queue" => format!("arn:aws:sqs:{HOME}:{ACCOUNT}:{name}"),
        "AWS::SNS::Topic" => format!("arn:aws:sns:{HOME}:{ACCOUNT}:{name}"),
        "AWS::IAM::Role" => format!("arn:aws:iam::{ACCOUNT}:role/{name}"),
        "AWS::KMS::Key" => format!("arn:aws:kms:{HOME}:{ACCOUNT}:key/{name}"),
        other => panic!("what is the ARN of {name}, a {other}? A line in tests/authorization.rs has to say it"),
    }
}

/// template.yaml with values for its parameters, in the account and the region of the tests.
pub fn stack(given: &[(&str, &str)]) -> Stack {
    static TEMPLATE: OnceLock<Value> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| crate::cloudformation::template("template.yaml")).clone();
    let here = [
        ("AWS::AccountId", ACCOUNT),
        ("AWS::Region", HOME),
        ("AWS::StackName", "snapback"),
        ("AWS::URLSuffix", "amazonaws.com"),
    ];
    Stack::of(template, &[&here, given].concat())
}

/// One process's function, with the role that it has under the process's settings.
pub struct Judge {
    function: String,
    role: Role,
    when: BTreeSet<String>,
    /// What the test has put for what only the deployment knows, with its name: parameters that are ARNs, and resources of the template.
    names: Vec<(String, String)>,
}

/// What came of judging a call.
pub struct Judged {
    /// The kind that it is of.
    pub kind: Kind,
    /// Why the role does not allow it.
    pub denied: Option<String>,
}

impl Judge {
    /// For a function with settings by environment variable, and with the ARN of its topic.
    pub fn new(function: &str, settings: &[(&str, &str)], topic: &str) -> Self {
        let of = |variable: &str| DEFINITIONS.iter().find(|definition| definition.variable() == variable);
        let settings: Vec<(&str, &str)> =
            settings.iter().copied().filter(|(_, value)| !value.trim().is_empty()).collect();
        let given = settings.iter().filter_map(|(variable, value)| Some((of(variable)?.parameter, *value)));
        // template.yaml gives the variable only where there is a canary.
        let has_canary =
            function == canary::NAME || settings.iter().any(|(variable, _)| *variable == "CANARY_ROLE_ARN");
        let canary = (!has_canary).then_some(("Canary", "off"));
        let given: Vec<(&str, &str)> = given.chain([("AlertTopicArn", topic)]).chain(canary).collect();
        let stack = stack(&given);
        let role = Role::of(&stack, function);
        let when = role.conditions().into_iter().filter(|condition| stack.holds(condition)).collect();
        let arns = given.iter().filter(|(parameter, _)| parameter.ends_with("Arn"));
        let mut names: Vec<(String, String)> =
            arns.map(|(parameter, value)| ((*value).to_owned(), format!("{{{parameter}}}"))).collect();
        // A variable that is `!Ref` of a resource: `<Resource>`.
        let (block, _) = function_resource(&stack.template, function);
        let block = stack.properties(&block).unwrap_or_default();
        for (variable, value) in settings {
            let is = block["Environment"]["Variables"][variable].as_str();
            names.extend(is.filter(|is| is.starts_with('<')).map(|is| (value.to_owned(), is.to_owned())));
        }
        Self { function: function.to_owned(), role, when, names }
    }

    /// What AWS would check for a call, and what the role says of it.
    ///
    /// # Errors
    /// When nothing says what AWS checks.
    pub fn judge(&self, call: &Call) -> Result<Vec<Judged>, String> {
        static TABLE: OnceLock<Vec<[String; 7]>> = OnceLock::new();
        let name = format!("{} {}", call.service, call.action);
        let lines = TABLE.get_or_init(|| table("authorization.tsv")).iter();
        let lines: Vec<_> = lines
            .filter(|[service, operation, _, with, ..]| {
                let has = |parameter: &str| call.parameters.contains_key(parameter);
                let fits = match with.strip_prefix("no ") {
                    Some(absent) => !has(absent),
                    None => with.is_empty() || has(with),
                };
                (service, operation) == (&call.service, &call.action) && fits
            })
            .collect();
        let is_own = lines.iter().any(|line| line[2] == self.function);
        let of = if is_own { self.function.as_str() } else { "*" };
        let mut judged = Vec::new();
        for [.., action, resource, context] in lines.into_iter().filter(|line| line[2] == of) {
            let here = |pattern: &str| pattern.replace("{account}", ACCOUNT).replace("{region}", &call.region);
            let value = self.named(&filled(&here(resource), call)?);
            let keys = pairs(&self.named(&filled(&here(context), call)?));
            let owners = ANYBODY.iter().map(|owner| value.replace("{anybody}", owner)).collect::<BTreeSet<_>>();
            let refused = |resource: &String| {
                let resource = if resource.starts_with('{') { self.value(resource) } else { example(resource) };
                self.role.allows(&self.when, action, &resource, &keys).err()
            };
            let kind = Kind {
                function: self.function.clone(),
                when: self.when.clone(),
                call: name.clone(),
                action: action.clone(),
                resource: general(resource, &value),
                context: self.named(&filled(context, call)?).replace(ACCOUNT, "{account}"),
                region: if resource.contains("{region}") { call.region.clone() } else { String::new() },
            };
            judged.push(Judged { kind, denied: owners.iter().find_map(refused) });
        }
        if judged.is_empty() {
            let parameters: Vec<&String> = call.parameters.keys().collect();
            return Err(format!(
                "{} called {name} with {parameters:?}: tests/privileges/authorization.tsv has no line for it. Add one, as the \
                 Service Authorization Reference says what AWS checks, and run scripts/renew-privileges",
                self.function
            ));
        }
        Ok(judged)
    }

    /// A text in which what the test has put for the deployment's own has its name.
    fn named(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (value, name)| match name.starts_with('<') {
            true => text.replace(value, name),
            // One topic's ARN may begin with another's.
            false if text == *value => name.clone(),
            false => text,
        })
    }

    /// The value of a name that stands alone.
    fn value(&self, name: &str) -> String {
        self.names
            .iter()
            .find(|(_, known)| known == name)
            .map(|(value, _)| value.clone())
            .unwrap_or_else(|| example(name))
    }
}

/// A resource as calls.tsv has it: as the table has it, but an ARN that a call names whole with what all of its kind share, and what only the
/// deployment knows with its name.
fn general(pattern: &str, value: &str) -> String {
    if !pattern.starts_with('{') {
        let name = value.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        let name = name.map(|(name, _)| format!("<{name}>"));
        let placeholder = pattern.rsplit_once('/').map(|(_, last)| last);
        return match (name, placeholder) {
            (Some(name), Some(last)) => pattern.replace(last, &name),
            _ => pattern.to_owned(),
        };
    }
    match value.split_once('/') {
        _ if value.starts_with('{') => value.to_owned(),
        Some((kind, _)) => format!("{}/{{name}}", kind.replace(ACCOUNT, "{account}")),
        None => value.replace(ACCOUNT, "{account}"),
    }
}

/// A pattern with the call's parameters in place of their names. Names in small letters stand for what the call does not tell.
fn filled(pattern: &str, call: &Call) -> Result<String, String> {
    let mut parts = pattern.split('{');
    let mut result = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or_else(|| panic!("no `}}` in `{pattern}`"));
        if name.starts_with(|first: char| first.is_ascii_lowercase()) {
            result.push_str(&format!("{{{name}}}"));
        } else {
            let value = call.parameters.get(name);
            let value = value
                .ok_or_else(|| format!("{} without `{name}`, which says what it is about: {call:?}", call.action))?;
            result.push_str(value);
        }
        result.push_str(rest);
    }
    Ok(result)
}

/// A resource with some text for each name in braces.
pub fn example(resource: &str) -> String {
    resource.replace("{management}", OTHER).replace(['{', '}'], "")
}

/// Condition keys with their values, of a text such as `KEY=VALUE KEY=VALUE`.
pub fn pairs(context: &str) -> Vec<(String, String)> {
    let pairs = context.split_whitespace().map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn strings(value: &Json) -> Vec<String> {
    match value {
        Json::Array(list) => list.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        single => vec![single.as_str().unwrap_or_else(|| panic!("{single} is no text")).to_owned()],
    }
}

/// Keeps kinds of calls in the folder that [`RECORD`] names, or else gives those that calls.tsv does not have.
pub fn recorded(kinds: &BTreeSet<Kind>) -> Vec<String> {
    static KNOWN: OnceLock<BTreeSet<Kind>> = OnceLock::new();
    let Some(folder) = std::env::var_os(RECORD) else {
        let known = KNOWN.get_or_init(|| table("calls.tsv").into_iter().map(Kind::of_line).collect());
        return kinds.difference(known).map(|kind| kind.line().replace('\t', " | ")).collect();
    };
    let path = Path::new(&folder).join(format!("{}.tsv", std::process::id()));
    let lines: String = kinds.iter().map(|kind| format!("{}\n", kind.line())).collect();
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file.write_all(lines.as_bytes()).unwrap();
    Vec::new()
}
