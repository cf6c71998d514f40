//! Re-enacting recorded events: the API call that an event records is made in an account, so that what the event tells is true there.
//!
//! What the call needs (groups, users, policies) is created first; the ids that the account gives out take the place of the
//! recorded ones in the event. Only the event is looked at, so whatever a user has captured can be re-enacted, as far as it says enough.

pub mod config;
pub mod ec2;
pub mod iam;
pub mod s3;

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rules::event::{self, Origin};
use runtime::CallError;
use serde_json::{Value, json};
use thiserror::Error;

use config::Config;
use ec2::Ec2;
use iam::Iam;
use s3::S3;

/// Why an event could not be re-enacted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReenactError {
    /// The event does not say enough, or says nothing that can be done again.
    #[error("{0}")]
    NotEnough(String),
    /// The account refused.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Where published records are re-enacted whose region's name was made up or blanked out.
const REGION_INSTEAD: &str = "us-east-1";

/// How late an event comes that can't be made true any more, because what it is about has been taken away.
const LATE: TimeDelta = TimeDelta::minutes(5);

/// What of an account a re-enactment has to do with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Security groups and prefix lists.
    pub ec2: ec2::State,
    /// Users, roles and identity providers.
    pub iam: iam::State,
    /// Buckets and access points.
    pub s3: s3::State,
}

impl State {
    /// A line for each thing.
    pub fn lines(&self) -> BTreeSet<String> {
        self.ec2.lines().into_iter().chain(self.iam.lines()).chain(self.s3.lines()).collect()
    }
}

/// An event after its call was made.
#[derive(Clone, Debug)]
pub struct Reenacted {
    /// The event with the account's own ids, and the time of the re-enactment.
    pub event: Value,
    /// What was there before the call.
    pub before: State,
    /// What was there after it.
    pub after: State,
    /// What had to be done differently from what the event says, if anything.
    pub note: Option<String>,
}

/// Re-enacts events of one scenario, in order, in one account.
pub struct Reenactor {
    config: Config,
    ec2: Ec2,
    iam: Iam,
    s3: S3,
    may_use_existing: bool,
}

impl Reenactor {
    /// For events that belong together. `prefix` begins the names of what is created, where the events don't name it. With
    /// `may_use_existing`, what the events name and what exists already is used, and a region that is none is replaced; only a stand-in
    /// account can take that.
    pub fn new(config: SdkConfig, scenario: &[Value], prefix: &str, may_use_existing: bool) -> Self {
        Self {
            config: Config::new(config.clone()),
            ec2: Ec2::new(config.clone(), scenario, prefix, may_use_existing),
            iam: Iam::new(&config, prefix, may_use_existing),
            s3: S3::new(config, prefix, may_use_existing),
            may_use_existing,
        }
    }

    /// Makes the call that an event records. An event of a call that failed only gets its ids, and one that nothing in the account
    /// would tell of (a sign-in, a call of root) stays as it is.
    ///
    /// # Errors
    /// [`ReenactError`] if the event does not say enough or the account refuses.
    pub async fn reenact(
        &mut self,
        raw: &Value,
        now: impl Fn() -> DateTime<Utc> + Sync,
    ) -> Result<Reenacted, ReenactError> {
        let event = event::parse(raw).map_err(|unreadable| ReenactError::NotEnough(unreadable.to_string()))?;
        if event.origin != Origin::CloudTrail {
            return self.found(raw, &event, now()).await;
        }
        let is_ec2 = event.source == "ec2.amazonaws.com" && ec2::CALLS.contains(&event.name.as_str());
        let is_iam = event.source == "iam.amazonaws.com" && iam::can_be_made(&event);
        let is_s3 = event.source == "s3.amazonaws.com" && s3::can_be_made(&event);
        if !is_ec2 && !is_iam && !is_s3 {
            let is_only_handed_over = event.source == "s3.amazonaws.com" && s3::is_not_made_again(&event);
            if event.source != "signin.amazonaws.com" && event.actor.kind != "Root" && !is_only_handed_over {
                return Err(not_enough(&format!(
                    "`{}` of `{}` is not a call that can be made again here",
                    event.name, event.source
                )));
            }
            let state = self.state().await?;
            let note = "this is not done again: the function gets the event as it is".to_owned();
            return Ok(Reenacted { event: raw.clone(), before: state.clone(), after: state, note: Some(note) });
        }
        let recorded = event.region.clone().unwrap_or_default();
        let (region, mut note) = if is_region(&recorded) {
            (recorded, None)
        } else if self.may_use_existing {
            let note = format!("`{recorded}` is not the name of a region, so this was done in {REGION_INSTEAD}");
            (REGION_INSTEAD.to_owned(), Some(note))
        } else {
            return Err(not_enough(&format!("`{recorded}` is not the name of a region")));
        };
        let has_other_region = note.is_some();
        let mut mapped = raw.clone();
        let mut event = event;
        if is_s3 && let Some((own, told)) = self.s3.in_this_account(&event, raw) {
            event = event::parse(&own).map_err(|unreadable| not_enough(&unreadable.to_string()))?;
            mapped = own;
            note = Some(note.map_or(told.clone(), |note| format!("{note}; {told}")));
        }
        // A call that AWS refused changed nothing; its event often holds no request, so that nothing can be prepared either.
        let (before, after) = if is_ec2 {
            let prepared = Box::pin(self.ec2.prepare(&event, &region)).await;
            let before = self.state().await?;
            if event.error.is_none() {
                Box::pin(self.ec2.make(&event, &region, prepared?, &mut mapped)).await?;
            }
            self.with_after(before, &event).await?
        } else if is_s3 {
            let prepared = Box::pin(self.s3.prepare(&event, &region)).await;
            let before = self.state().await?;
            if event.error.is_none() {
                prepared?;
                note = Box::pin(self.s3.make(&event, &region)).await?.or(note);
            }
            self.with_after(before, &event).await?
        } else {
            let prepared = Box::pin(self.iam.prepare(&event)).await;
            let before = self.state().await?;
            if event.error.is_none() {
                if let iam::Prepared::Impossible(reason) = prepared? {
                    // A function would look for what a young event made for a while.
                    set_time(&mut mapped, now() - LATE);
                    return Ok(Reenacted { event: mapped, after: before.clone(), before, note: Some(reason) });
                }
                note = Box::pin(self.iam.make(&event)).await?.or(note);
            }
            self.with_after(before, &event).await?
        };
        for part in ["requestParameters", "responseElements"] {
            if let Some(part) = record_mut(&mut mapped).get_mut(part) {
                self.ec2.map_ids(part);
                self.iam.map_ids(part);
                self.s3.map_ids(part);
                iam::renew_dates(part, now());
            }
        }
        set_time(&mut mapped, now());
        if let Some(record) = record_mut(&mut mapped).as_object_mut().filter(|_| has_other_region) {
            record.retain(|name, _| !name.eq_ignore_ascii_case("awsRegion"));
            record.insert("awsRegion".to_owned(), json!(region));
        }
        Ok(Reenacted { event: mapped, before, after, note })
    }

    /// Makes the rule that a finding names, and puts the account's own ids into it. What it found has to be there: by calls before it.
    async fn found(
        &mut self,
        raw: &Value,
        event: &event::Event,
        now: DateTime<Utc>,
    ) -> Result<Reenacted, ReenactError> {
        let region = event.region.as_deref().unwrap_or_default();
        let note = match &event.origin {
            Origin::Config(change) => self.config.make_rule(change, region).await?,
            Origin::AccessAnalyzer(_) | Origin::CloudTrail => None,
        };
        let mut mapped = raw.clone();
        if let Some(detail) = mapped.get_mut("detail") {
            self.ec2.map_ids(detail);
            self.iam.map_ids(detail);
        }
        let written = json!(now.to_rfc3339_opts(SecondsFormat::Secs, true));
        for place in ["/time", "/detail/newEvaluationResult/resultRecordedTime", "/detail/updatedAt"] {
            if let Some(time) = mapped.pointer_mut(place) {
                time.clone_from(&written);
            }
        }
        let state = self.state().await?;
        Ok(Reenacted { event: mapped, before: state.clone(), after: state, note })
    }

    /// The state before the call and after it: the same where no call was made.
    async fn with_after(&self, before: State, event: &event::Event) -> Result<(State, State), ReenactError> {
        let after = if event.error.is_some() { before.clone() } else { self.state().await? };
        Ok((before, after))
    }

    /// What the scenario has to do with, as it is now.
    ///
    /// # Errors
    /// [`ReenactError::Call`] if it could not be read.
    pub async fn state(&self) -> Result<State, ReenactError> {
        Ok(State {
            ec2: Box::pin(self.ec2.state()).await?,
            iam: Box::pin(self.iam.state()).await?,
            s3: Box::pin(self.s3.state()).await?,
        })
    }

    /// Deletes what was created, and says what could not be.
    pub async fn clean_up(&mut self) -> Vec<String> {
        let mut left = Box::pin(self.ec2.clean_up()).await;
        left.extend(Box::pin(self.iam.clean_up()).await);
        left.extend(Box::pin(self.s3.clean_up()).await);
        left.extend(self.config.clean_up().await);
        left
    }
}

fn not_enough(problem: &str) -> ReenactError {
    ReenactError::NotEnough(problem.to_owned())
}

/// Whether a region's name has the form that AWS gives them: `us-gov-west-1`.
fn is_region(name: &str) -> bool {
    let mut parts = name.split('-');
    let number = parts.next_back().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    words.len() >= 2
        && words.iter().all(is_word)
        && number.len() == 1
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The CloudTrail record in an envelope, or the record itself.
fn record_mut(raw: &mut Value) -> &mut Value {
    if raw.get("detail").is_some_and(Value::is_object) { &mut raw["detail"] } else { raw }
}

/// Puts a time into an event, and into the envelope around it.
fn set_time(raw: &mut Value, time: DateTime<Utc>) {
    let time = json!(time.to_rfc3339_opts(SecondsFormat::Secs, true));
    if let Some(envelope) = raw.as_object_mut().filter(|envelope| envelope.contains_key("detail")) {
        envelope.insert("time".to_owned(), time.clone());
    }
    if let Some(record) = record_mut(raw).as_object_mut() {
        record.retain(|name, _| !name.eq_ignore_ascii_case("eventTime"));
        record.insert("eventTime".to_owned(), time);
    }
}
