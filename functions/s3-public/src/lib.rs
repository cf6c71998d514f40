//! Takes back public access to S3, and another account's by choice.
//!
//! The rule is in `rules::s3_public`; here are its reads and writes ([`account`]) and the course of a remedy: look, shut the door, look, put
//! right what the door hides, look again.

pub mod account;

use aws_config::SdkConfig;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use rules::alert::time_ran_out;
use rules::policy::is_the_same;
use rules::s3_public::acl::{Acl, Grant, requested};
use rules::s3_public::detect::{self, AccessPointChange, BucketChange, Finding, Opened, Opens};
use rules::s3_public::plan::{
    Action, Doubt, LiveBucket, Plan, PolicyOf, Read, Wanted, is_left_to_access_points, of_access_point, of_account,
    of_bucket,
};
use rules::s3_public::report::{Course, report};
use rules::s3_public::{NAME, SUBSCRIPTIONS, Scope, mode};
use rules::settings::{Mode, Settings};
use rules::{Decision, Event, Localized, Origin, Subscription, localized, say};
use runtime::clients::PerRegion;
use runtime::{ConfigRules, Guardrail, Invocation, LOOK_FOR, Pause, Remedied, SETTLE};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use account::{Account, is_passing};

/// How often what is to be written is planned anew, because S3 could not write it just then.
const MOST_COLLISIONS: usize = 5;

/// The name by which it is remembered that the door was shut for an event.
const DOOR: &str = "door";

/// The name by which it is remembered that something was left to be put right for an event.
const UNFINISHED: &str = "unfinished";

/// The names by which it is remembered that a policy, and that a list, was put right for an event.
const POLICY: &str = "policy";
const LIST: &str = "list";

/// The guardrail, with its clients per region.
pub struct S3Public {
    clients: PerRegion<Clients>,
    config_rules: ConfigRules,
}

/// The clients for one region.
#[derive(Clone)]
struct Clients {
    s3: aws_sdk_s3::Client,
    control: aws_sdk_s3control::Client,
}

impl Clients {
    fn new(config: &SdkConfig) -> Self {
        // An endpoint that is not AWS's need not have a host name for every bucket.
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(config.endpoint_url().is_some());
        Self { s3: aws_sdk_s3::Client::from_conf(s3.build()), control: aws_sdk_s3control::Client::new(config) }
    }
}

impl S3Public {
    /// Clients are made from `config` as regions are needed.
    pub fn new(config: SdkConfig) -> Self {
        Self { config_rules: ConfigRules::new(config.clone()), clients: PerRegion::new(config, Clients::new) }
    }
}

impl Guardrail for S3Public {
    type Finding = Finding;

    fn name(&self) -> &'static str {
        NAME
    }

    fn subscriptions(&self) -> &'static [Subscription] {
        SUBSCRIPTIONS
    }

    fn mode(&self, settings: &Settings) -> Mode {
        mode(settings)
    }

    fn config_rules(&self) -> Option<&ConfigRules> {
        Some(&self.config_rules)
    }

    fn detect(&self, event: &Event, settings: &Settings) -> Decision<Finding> {
        detect::detect(event, settings)
    }

    async fn remedy(&self, event: &Event, finding: &Finding, invocation: &Invocation<'_>) -> Remedied {
        let region = finding.region.as_deref().or(event.region.as_deref());
        let course = match (&finding.opened, region.map(|region| self.clients.get(region))) {
            (Opened::Told(_), _) => Some(Course::Told),
            (_, None) => Some(Course::NotRead {
                problem: localized!("the event has no `awsRegion`", "イベントに `awsRegion` がありません"),
            }),
            (_, Some(Err(problem))) => Some(Course::NotRead { problem: (&problem).into() }),
            (_, Some(Ok(clients))) => {
                let Clients { s3, control } = &clients;
                let account = Account { s3, control, id: &finding.account, calls: invocation.calls };
                Work::new(account, event, finding, invocation).run().await
            }
        };
        let Some(course) = course else {
            return Remedied::Nothing("as the account shows it, it lets in nobody whom it should not".to_owned());
        };
        let steps = invocation.calls.steps();
        Remedied::Report(Box::new(report(event, finding, invocation.settings, &course, steps)))
    }
}

/// One remedy on its way.
struct Work<'a> {
    account: Account<'a>,
    event: &'a Event,
    finding: &'a Finding,
    invocation: &'a Invocation<'a>,
    start: Instant,
    /// What the event says that it opened, as far as it is looked for.
    opens: Opens,
    /// Whether the account has shown it.
    is_seen: bool,
    /// Whether what is public in the bucket is to be taken out.
    takes_public: bool,
    /// Whether the last look showed another policy than the event wrote.
    is_stale: bool,
    /// The bucket of an access point, once it is known.
    bucket: Option<String>,
    /// Whether the last look lacked the block of an access point's bucket, which was not known yet.
    is_partial: bool,
    /// What the look before would have put right.
    to_repair: Option<Vec<Action>>,
    done: Done,
}

/// What has been done so far.
#[derive(Default)]
struct Done {
    /// The plan by which the first action was tried.
    before: Option<Plan>,
    /// The last plan.
    last: Option<Plan>,
    /// All actions that were tried.
    tried: Vec<Action>,
    /// Those that succeeded.
    carried_out: Vec<Action>,
    /// Those that AWS refused.
    refused: Vec<Action>,
    /// How often a write collided with somebody else's.
    collisions: usize,
    /// What went wrong with the others.
    problems: Vec<Localized>,
    /// When the last call had returned that AWS did not refuse.
    at: Option<Instant>,
    /// When the call that shuts the door had returned, unless AWS refused it.
    contained_at: Option<DateTime<Utc>>,
    /// When the last of the calls that put right had returned.
    repaired_at: Option<DateTime<Utc>>,
}

/// What a look at the account gave.
enum Look {
    /// The bucket or the access point is gone.
    Gone,
    /// Neither of the two rules looks at this bucket.
    NotLookedFor,
    /// What is open, and what is to be done about it.
    Plan(Box<Plan>),
}

impl<'a> Work<'a> {
    fn new(account: Account<'a>, event: &'a Event, finding: &'a Finding, invocation: &'a Invocation<'a>) -> Self {
        let bucket = match &finding.opened {
            Opened::AccessPoint { bucket, .. } => bucket.clone(),
            _ => None,
        };
        Self {
            account,
            event,
            finding,
            invocation,
            start: Instant::now(),
            opens: detect::opens(finding, invocation.settings, bucket.as_deref()),
            is_seen: false,
            takes_public: false,
            is_stale: false,
            bucket,
            is_partial: false,
            to_repair: None,
            done: Done::default(),
        }
    }

    /// Looks, acts and looks again until what the event opened is seen to be closed. `None` if it is not and was not open.
    async fn run(&mut self) -> Option<Course> {
        match timeout_at(self.invocation.deadline, self.look_and_act()).await {
            Ok(course) => course,
            Err(_) => Some(self.failed(&time_ran_out())),
        }
    }

    async fn look_and_act(&mut self) -> Option<Course> {
        let mut pause = Pause::default();
        loop {
            let plan = match self.look().await {
                Ok(Look::Plan(plan)) => *plan,
                Ok(Look::NotLookedFor) => return None,
                Ok(Look::Gone) if self.done.tried.is_empty() && self.is_awaited() => {
                    pause.wait().await;
                    continue;
                }
                Ok(Look::Gone) => return self.gone(),
                Err(problem) => return Some(self.failed(&problem)),
            };
            self.is_seen |= self.shows(&plan);
            self.done.last = Some(plan.clone());
            let is_confirmed = self.is_confirmed(&plan);
            let untried = |action: &&Action| !self.done.tried.contains(action);
            if self.acts() {
                if let Some(contain) = plan.contain.as_ref().filter(untried).cloned() {
                    if self.may_be_late(&plan) {
                        pause.wait().await;
                        continue;
                    }
                    self.act(&plan, vec![contain]).await;
                    pause.reset();
                    continue;
                }
                let repair: Vec<Action> = plan.repair.iter().filter(untried).cloned().collect();
                if !repair.is_empty() && is_confirmed {
                    let collisions = self.done.collisions;
                    self.act(&plan, repair).await;
                    match self.done.collisions > collisions {
                        true => pause.wait().await,
                        false => pause.reset(),
                    }
                    continue;
                }
                if !repair.is_empty() {
                    // Read again at once; only where reads differ, later.
                    if self.to_repair.is_some() {
                        pause.wait().await;
                    }
                    self.to_repair = Some(plan.repair);
                    continue;
                }
            }
            if self.is_awaited() || self.is_settling(&plan) {
                pause.wait().await;
                continue;
            }
            if self.is_partial && self.done.tried.is_empty() && !plan.is_empty() {
                continue;
            }
            return self.ended(plan);
        }
    }

    /// Reads what the event is about, and plans by it.
    async fn look(&mut self) -> Result<Look, Localized> {
        let settings = self.invocation.settings;
        let contains = |action: &Action| matches!(action, Action::BlockAccount { .. } | Action::BlockBucket { .. });
        let is_begun = self.done.tried.iter().any(contains) || self.invocation.has_closed(self.event, UNFINISHED);
        match &self.finding.opened {
            Opened::Account(told) => {
                let mut planned_by = settings.clone();
                if self.is_only_found() {
                    planned_by.s3_public_mode = Mode::Revert;
                }
                let settings = &planned_by;
                let plan = match (Box::pin(self.account.block()).await, told.told()) {
                    (Ok(block), _) => of_account(self.account.id, block, settings),
                    (Err(problem), None) => return Err((&problem).into()),
                    // What the event says has to do: the switches can be turned on unseen.
                    (Err(problem), told) => {
                        let plan = of_account(self.account.id, told, settings);
                        let problem = Localized::from(&problem);
                        let not_read = Localized::new(|language| {
                            let problem = problem.of(language);
                            say!(
                                language,
                                "the public access block: {problem}",
                                "ブロックパブリックアクセス: {problem}"
                            )
                        });
                        Plan { not_read: vec![not_read], ..plan }
                    }
                };
                Ok(Look::Plan(Box::new(plan)))
            }
            Opened::Bucket { bucket, change } => {
                let wanted = self.wanted(bucket);
                let object = match change {
                    BucketChange::ObjectAcl { key, version_id, .. } => Some((key.as_str(), version_id.as_deref())),
                    BucketChange::Block(_)
                    | BucketChange::Policy(_)
                    | BucketChange::Acl(_)
                    | BucketChange::Found(_) => None,
                };
                Ok(match Box::pin(self.account.bucket(bucket, object)).await {
                    Some(live)
                        if live.object_acl == Some(Ok(None))
                            && self.done.tried.is_empty()
                            && !matches!(live.is_versioned, Some(Ok(true) | Err(_))) =>
                    {
                        Look::Gone
                    }
                    Some(live) => {
                        self.is_stale = is_stale(change.document(), &live.policy);
                        let mut plan = of_bucket(bucket, change, &live, wanted, is_begun);
                        // Seen public before, it was the newest.
                        let is_of_object = |action: &Action| matches!(action, Action::WriteAcl { object: Some(_), .. });
                        let before = self.done.before.iter().filter(|before| !before.is_version_unknown);
                        plan.is_version_unknown &= !before.flat_map(|before| &before.repair).any(is_of_object);
                        plan.hides_grants |= self.is_hidden_by_account(&plan, &live).await;
                        self.add_hidden(&mut plan, &live);
                        Look::Plan(Box::new(plan))
                    }
                    None => Look::Gone,
                })
            }
            Opened::AccessPoint { name, change, .. } => {
                let read = Box::pin(self.account.access_point(name, self.bucket.as_deref())).await;
                let live = match (read, change, &self.bucket) {
                    (Ok(Some(live)), ..) => live,
                    (Ok(None), ..) => return Ok(Look::Gone),
                    // The event says which bucket has to be shut.
                    (Err(error), AccessPointChange::Created(block), Some(bucket)) => {
                        Box::pin(self.account.untold(bucket, *block, &(&error).into())).await
                    }
                    (Err(error), ..) => return Err((&error).into()),
                };
                self.is_stale = is_stale(change.document(), &live.policy);
                let wanted = self.wanted(&live.bucket);
                if !wanted.scope.public && !wanted.scope.cross_account {
                    return Ok(Look::NotLookedFor);
                }
                self.is_partial = live.bucket_block.is_none() && live.bucket_account == self.account.id;
                let plan = of_access_point(name, change, &live, wanted, is_begun);
                self.bucket = Some(live.bucket);
                Ok(Look::Plan(Box::new(plan)))
            }
            Opened::Told(_) => Ok(Look::NotLookedFor),
        }
    }

    /// Adds the lists that were seen public before the door was shut, or that could not be written the last time. Under a block, S3 shows what
    /// counts instead of what the list holds
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-options>),
    /// but the grants would count again once the block is lifted.
    fn add_hidden(&self, plan: &mut Plan, live: &LiveBucket) {
        if !plan.hides_grants || !self.takes_public {
            return;
        }
        let before = self.done.before.iter().flat_map(|before| &before.repair);
        let hidden: Vec<Action> = before.cloned().chain(self.unfinished()).collect();
        for action in hidden {
            let Action::WriteAcl { bucket, object, without, .. } = action else { continue };
            let is_of_same = |other: &Action| matches!(other, Action::WriteAcl { object: same, .. } if *same == object);
            if self.done.carried_out.iter().chain(&plan.repair).any(is_of_same) {
                continue;
            }
            let list = match object {
                None => live.acl.as_ref().ok(),
                Some(_) => live.object_acl.as_ref().and_then(|list| list.as_ref().ok()?.as_ref()),
            };
            if let Some(list) = list {
                plan.repair.push(Action::WriteAcl { bucket, object, acl: list.without_public(), without });
            }
        }
    }

    /// Whether the account's block may hide what the event made public: asked only if the list does not show it and the bucket's own block hides
    /// nothing. If it can't be read, it may.
    async fn is_hidden_by_account(&self, plan: &Plan, live: &LiveBucket) -> bool {
        let object_acl = live.object_acl.as_ref().and_then(|list| list.as_ref().ok()?.as_ref());
        let lists = [live.acl.as_ref().ok(), object_acl];
        let is_shown = lists.into_iter().flatten().any(|list| !list.public().is_empty());
        // The bucket's own block is on its way, and hides as much.
        let is_to_be_shut = plan.hides_grants || plan.contain.is_some();
        if is_to_be_shut || is_shown || !self.takes_public || self.is_awaited() || self.unfinished().is_none() {
            return false;
        }
        match Box::pin(self.account.block()).await {
            Ok(block) => block.is_some_and(|block| block.ignore_public_acls),
            Err(_) => true,
        }
    }

    /// The list that the event made public, if this process has not written it: whoever hid its grants under a block may have left them in it.
    fn unfinished(&self) -> Option<Action> {
        let Opened::Bucket { bucket, change } = &self.finding.opened else { return None };
        let (object, grants) = match change {
            BucketChange::Acl(grants) => (None, grants),
            BucketChange::ObjectAcl { key, version_id, grants } => (Some((key.clone(), version_id.clone())), grants),
            BucketChange::Block(_) | BucketChange::Policy(_) | BucketChange::Found(_) => return None,
        };
        let acl = Acl { owner_id: String::new(), grants: grants.clone()? };
        let without = acl.public();
        let is_unwritten = !without.is_empty() && !self.invocation.has_closed(self.event, &self.list());
        is_unwritten.then(|| Action::WriteAcl { bucket: bucket.clone(), object, acl, without })
    }

    /// What is wanted of a bucket. Those of others who stay in what snapback wrote itself have been told.
    fn wanted(&mut self, bucket: &str) -> Wanted<'a> {
        let mut wanted = Wanted::of(self.invocation.settings, &self.finding.account, Some(bucket));
        self.opens = detect::opens(self.finding, self.invocation.settings, Some(bucket));
        self.takes_public = wanted.takes_public && wanted.scope.public;
        if own_deed(self.event, self.finding).is_some_and(|deed| self.did_lately(&deed)) {
            wanted.scope.cross_account = false;
            self.opens.outsiders = false;
        }
        if self.is_only_found() { wanted.with_all_taken() } else { wanted }
    }

    /// Whether it was found, and is only told with what would have been done.
    fn is_only_found(&self) -> bool {
        self.event.origin != Origin::CloudTrail && self.invocation.settings.config_findings == Mode::Alert
    }

    /// Whether what is planned is done.
    fn acts(&self) -> bool {
        self.invocation.settings.acts(Mode::Revert) && !self.is_only_found()
    }

    /// Whether this process made that change at the time of the event, give or take a minute.
    fn did_lately(&self, deed: &str) -> bool {
        let Some(minute) = self.event.time.map(|time| time.timestamp() / 60) else { return false };
        (-1..=1).any(|offset| self.invocation.has_done(&at_minute(minute + offset, deed)))
    }

    /// Whether a plan shows what the event says that it opened.
    fn shows(&self, plan: &Plan) -> bool {
        let shows_public = plan.is_public() || !plan.switches_off.is_empty();
        let could_not_look = !plan.not_read.is_empty();
        let shows_told = (shows_public || !self.opens.public) && (!plan.outsiders.is_empty() || !self.opens.outsiders);
        could_not_look || shows_told && (self.opens.public || self.opens.outsiders || !plan.is_empty())
    }

    /// Whether the account may still be going to show what the event opened.
    fn is_awaited(&self) -> bool {
        let was_closed = [DOOR, POLICY, &self.list()].iter().any(|what| self.invocation.has_closed(self.event, what));
        let is_told = self.opens.public || self.opens.outsiders;
        let patience = if is_told { LOOK_FOR } else { SETTLE };
        let is_expected = is_told || self.is_stale || !self.finding.is_told_in_full();
        is_expected && !self.is_seen && !was_closed && self.is_young() && self.start.elapsed() < patience
    }

    /// The name by which it is remembered that the event's list was written.
    fn list(&self) -> String {
        match &self.finding.opened {
            Opened::Bucket { change: BucketChange::ObjectAcl { key, version_id, .. }, .. } => {
                list_name(Some(&(key.clone(), version_id.clone())))
            }
            _ => list_name(None),
        }
    }

    fn is_young(&self) -> bool {
        // When what is found was opened, a finding does not tell.
        self.event.origin == Origin::CloudTrail && self.invocation.is_young(self.event)
    }

    /// Whether what a plan puts right may be written: a young change is not to be seen everywhere, so that what is written back has to be what
    /// two reads gave.
    fn is_confirmed(&self, plan: &Plan) -> bool {
        if self.is_stale && self.done.tried.is_empty() && self.is_young() && self.start.elapsed() < SETTLE {
            return false;
        }
        let is_known = self.to_repair.as_ref() == Some(&plan.repair);
        let is_read_before = self.done.before.as_ref().is_some_and(|before| before.repair == plan.repair);
        is_known || is_read_before || !self.is_young() || self.start.elapsed() >= LOOK_FOR
    }

    /// Whether it is for AWS's word alone that the door is to be shut, and that word may still be of the policy before: it is asked again for a
    /// while, so that nobody is shut in who has just made a bucket private.
    fn may_be_late(&self, plan: &Plan) -> bool {
        let is_only_aws = plan.doubt == Some(Doubt::OnlyAws) && plan.grants.is_empty() && plan.switches_off.is_empty();
        is_only_aws && !plan.is_policy_unread && self.is_young() && self.start.elapsed() < SETTLE
    }

    /// Whether AWS may still be going to show the effect of a change, or to judge a new policy.
    fn is_settling(&self, plan: &Plan) -> bool {
        let is_just_changed = self.done.at.is_some_and(|at| at.elapsed() < SETTLE);
        let is_just_looked_at = self.is_young() && self.start.elapsed() < SETTLE;
        let acts = self.acts();
        match plan.doubt {
            _ if acts && plan.actions().next().is_some() => {
                is_just_changed && plan.actions().any(|action| !self.done.refused.contains(action))
            }
            Some(Doubt::OnlySnapback) if is_just_looked_at => true,
            Some(_) => is_just_changed && self.done.repaired_at.is_some(),
            None => false,
        }
    }

    /// Carries out actions, all at once. What fails is kept: the next look shows whether it mattered.
    async fn act(&mut self, plan: &Plan, actions: Vec<Action>) {
        self.done.before.get_or_insert_with(|| plan.clone());
        self.done.tried.extend(actions.iter().cloned());
        let minute = self.invocation.now().timestamp() / 60;
        for deed in actions.iter().filter_map(deed) {
            self.invocation.did(&at_minute(minute, &deed));
        }
        let account = &self.account;
        let results = join_all(actions.iter().map(|action| Box::pin(account.apply(action)))).await;
        for (action, result) in actions.into_iter().zip(results) {
            let is_refused = result.as_ref().is_err_and(|error| error.code.is_some());
            let (contains, object) = match action {
                Action::BlockAccount { .. } | Action::BlockBucket { .. } => (true, DOOR),
                Action::WritePolicy { .. } => (false, POLICY),
                Action::WriteAcl { .. } => (false, LIST),
            };
            let object = match &action {
                Action::WriteAcl { object, .. } => list_name(object.as_ref()),
                _ => object.to_owned(),
            };
            if !is_refused {
                let now = Some(self.invocation.now());
                self.done.at = Some(Instant::now());
                *(if contains { &mut self.done.contained_at } else { &mut self.done.repaired_at }) = now;
            }
            match result {
                Ok(()) => {
                    self.invocation.closed(self.event, &object);
                    self.done.carried_out.push(action);
                }
                // Somebody else may be changing it: what is to be written is planned anew.
                Err(error) if is_passing(&error) && !contains && self.done.collisions < MOST_COLLISIONS => {
                    self.done.collisions += 1;
                    self.done.tried.retain(|tried| *tried != action);
                }
                Err(error) => {
                    self.done.problems.push((&error).into());
                    if is_refused {
                        self.done.refused.push(action);
                    }
                }
            }
        }
    }

    /// How it ended, once there is nothing to do any more, or nothing that was not tried.
    fn ended(&mut self, plan: Plan) -> Option<Course> {
        if !self.done.tried.is_empty() {
            return Some(self.done(Some(plan)));
        }
        if !plan.is_empty() {
            return Some(Course::Left { plan: Box::new(plan) });
        }
        if let Opened::Bucket { bucket, change } = &self.finding.opened
            && is_left_to_access_points(change, &plan, Scope::of(self.invocation.settings, Some(bucket)))
        {
            return Some(Course::Told);
        }
        if !plan.not_read.is_empty() {
            return Some(Course::NotRead { problem: Localized::join(&plan.not_read) });
        }
        (self.opens.public || self.opens.outsiders).then(|| Course::Gone(Some(Box::new(plan))))
    }

    fn gone(&mut self) -> Option<Course> {
        if !self.done.tried.is_empty() {
            return Some(self.done(None));
        }
        (self.opens.public || self.opens.outsiders).then_some(Course::Gone(None))
    }

    fn done(&mut self, now: Option<Plan>) -> Course {
        let is_shut = now.as_ref().is_none_or(|now| now.is_blocked || !now.is_open() && now.not_read.is_empty());
        if now.as_ref().is_some_and(|now| now.actions().next().is_some()) {
            self.invocation.closed(self.event, UNFINISHED);
        }
        let by_block = self.done.contained_at.filter(|_| now.as_ref().is_none_or(|now| now.is_blocked));
        let shut_at = by_block.or(self.done.repaired_at).filter(|_| is_shut);
        Course::Done {
            before: Box::new(self.done.before.take().unwrap_or_default()),
            carried_out: std::mem::take(&mut self.done.carried_out),
            problems: std::mem::take(&mut self.done.problems),
            now: now.map(Box::new),
            shut_at,
        }
    }

    fn failed(&mut self, problem: &Localized) -> Course {
        if self.done.tried.is_empty() {
            return Course::NotRead { problem: problem.clone() };
        }
        self.done.problems.push(problem.clone());
        let now = self.done.last.take();
        self.done(now)
    }
}

/// The name by which it is remembered that a list was written: the bucket's, or that of an object.
fn list_name(object: Option<&(String, Option<String>)>) -> String {
    match object {
        None => LIST.to_owned(),
        Some((key, version)) => format!("{LIST} of {key} {}", version.as_deref().unwrap_or_default()),
    }
}

/// Whether a policy that was read is another than the event wrote: it may be the one before.
fn is_stale(written: Option<&Value>, read: &Read<Option<Value>>) -> bool {
    match (written, read) {
        (Some(written), Ok(read)) => !read.as_ref().is_some_and(|read| is_the_same(written, read)),
        (None, _) | (_, Err(_)) => false,
    }
}

/// The name by which a write is remembered that comes back as an event of its own.
fn deed(action: &Action) -> Option<String> {
    match action {
        Action::WritePolicy { of, document: Some(document), .. } => Some(policy_deed(of, document)),
        Action::WriteAcl { bucket, object, acl, .. } => {
            let key = object.as_ref().map(|(key, _)| key.as_str());
            Some(acl_deed(bucket, key, acl.grants.clone()))
        }
        Action::WritePolicy { document: None, .. } | Action::BlockAccount { .. } | Action::BlockBucket { .. } => None,
    }
}

/// The same name for what an event tells of.
fn own_deed(event: &Event, finding: &Finding) -> Option<String> {
    match &finding.opened {
        Opened::Bucket { bucket, change: BucketChange::Policy(Some(document)) } => {
            Some(policy_deed(&PolicyOf::Bucket(bucket.clone()), document))
        }
        Opened::AccessPoint { name, change: AccessPointChange::Policy(Some(document)), .. } => {
            Some(policy_deed(&PolicyOf::AccessPoint(name.clone()), document))
        }
        Opened::Bucket { bucket, change: BucketChange::Acl(_) } => {
            Some(acl_deed(bucket, None, requested(&event.request)?))
        }
        Opened::Bucket { bucket, change: BucketChange::ObjectAcl { key, .. } } => {
            Some(acl_deed(bucket, Some(key), requested(&event.request)?))
        }
        _ => None,
    }
}

fn policy_deed(of: &PolicyOf, document: &Value) -> String {
    format!("policy of {of} {document}")
}

fn acl_deed(bucket: &str, key: Option<&str>, mut grants: Vec<Grant>) -> String {
    grants.sort();
    format!("list of {bucket} {key:?} {grants:?}")
}

fn at_minute(minute: i64, deed: &str) -> String {
    format!("{minute} {deed}")
}
