//! The AWS calls made for one event, in order, as the alert tells them.

use std::sync::{Mutex, PoisonError};

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use rules::alert::call_failed;
use rules::{Language, Localized, Step, say};
use tokio::time::Instant;

/// A record of the calls made so far.
#[derive(Debug)]
pub struct Calls {
    language: Language,
    steps: Mutex<Vec<Step>>,
}

/// An AWS call that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{call}` failed: {detail}")]
pub struct CallError {
    /// The API's name for the call.
    pub call: &'static str,
    /// AWS's error code, if the service answered.
    pub code: Option<String>,
    /// The code and message, or the whole chain of causes.
    pub detail: Localized,
}

/// A read that failed, or an answer that made no sense.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// AWS refused or did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// AWS's answer could not be understood.
    #[error("the answer to `{call}` could not be understood: {problem}")]
    Answer {
        /// The API's name for the call.
        call: &'static str,
        /// What was wrong.
        problem: Localized,
    },
}

impl Calls {
    /// None yet. What they give is put into words in this language.
    pub fn new(language: Language) -> Self {
        Self { language, steps: Mutex::default() }
    }

    /// The language of what the calls give.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The summary of a call that gives nothing but its success.
    pub fn ok<T>(&self) -> impl FnOnce(&T) -> String + use<T> {
        let language = self.language;
        move |_| say!(language, "ok", "成功")
    }

    /// Makes a call and records how it went, in order of their beginning; `summary` puts what it gave in a few words.
    ///
    /// # Errors
    /// [`CallError`] if the call failed.
    pub async fn make<T, E, R>(
        &self,
        call: &'static str,
        target: &str,
        request: impl Future<Output = Result<T, SdkError<E, R>>>,
        summary: impl FnOnce(&T) -> String,
    ) -> Result<T, CallError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        let start = Instant::now();
        // Noted before the answer: if the time runs out meanwhile, the call may have been carried out all the same.
        let position = self.note(Step {
            call,
            target: target.to_owned(),
            result: Err(CallError::unanswered(call).detail.of(self.language).to_owned()),
            millis: 0,
        });
        let result = request.await.map_err(|error| CallError::new(call, &error));
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(step) = steps.get_mut(position) {
            step.result = result.as_ref().map(summary).map_err(|error| error.detail.of(self.language).to_owned());
            step.millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        }
        result
    }

    fn note(&self, step: Step) -> usize {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.push(step);
        steps.len() - 1
    }

    /// The calls made so far.
    pub fn steps(&self) -> Vec<Step> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl CallError {
    /// Puts an SDK error into words: AWS's code and message where there are any, else every cause.
    pub fn new<E, R>(call: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        let code = error.code().map(str::to_owned);
        let detail = match &code {
            Some(code) => match error.message() {
                Some(message) => Localized::verbatim(format!("{code}: {message}")),
                None => Localized::new(|language| say!(language, "{code}: no message", "{code}: メッセージなし")),
            },
            None => Localized::verbatim(DisplayErrorContext(error).to_string()),
        };
        Self { call, code, detail }
    }

    /// A call that may have been carried out or not.
    pub fn unanswered(call: &'static str) -> Self {
        let detail = Localized::new(|language| {
            say!(language, "no answer when the time ran out", "制限時間内に応答がありません")
        });
        Self { call, code: None, detail }
    }

    /// Whether AWS said that there is no such thing: EC2's codes end in `NotFound`, IAM's are `NoSuchEntity`.
    pub fn is_not_found(&self) -> bool {
        self.code.as_deref().is_some_and(|code| {
            code.ends_with("NotFound") || code.ends_with("NotFoundException") || code.starts_with("NoSuchEntity")
        })
    }
}

impl From<&CallError> for Localized {
    fn from(CallError { call, detail, .. }: &CallError) -> Self {
        Self::new(|language| call_failed(call, detail.of(language)).of(language).to_owned())
    }
}

impl From<&ObserveError> for Localized {
    fn from(error: &ObserveError) -> Self {
        match error {
            ObserveError::Call(error) => error.into(),
            ObserveError::Answer { call, problem } => Self::new(|language| {
                let problem = problem.of(language);
                say!(
                    language,
                    "the answer to `{call}` could not be understood: {problem}",
                    "`{call}` の応答を解釈できませんでした: {problem}"
                )
            }),
        }
    }
}
