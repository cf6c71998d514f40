//! Who the users of an account are: names change hands, ids never do.

use rules::{Language, say};

use crate::calls::{CallError, Calls};

/// As many as AWS gives at a time.
const PAGE: i32 = 1_000;

/// The name of the user with that id, whatever it has been called before; `None` if there is no such user.
///
/// # Errors
/// [`CallError`] if AWS refused or did not answer.
pub async fn name_of(iam: &aws_sdk_iam::Client, id: &str, calls: &Calls) -> Result<Option<String>, CallError> {
    let mut marker = None;
    loop {
        let (users, next) = page(iam, marker, calls).await?;
        if let Some(user) = users.into_iter().find(|user| user.user_id == id) {
            return Ok(Some(user.user_name));
        }
        marker = next;
        if marker.is_none() {
            return Ok(None);
        }
    }
}

/// The names of all users.
///
/// # Errors
/// [`CallError`] if AWS refused or did not answer.
pub async fn names(iam: &aws_sdk_iam::Client, calls: &Calls) -> Result<Vec<String>, CallError> {
    let (mut names, mut marker) = (Vec::new(), None);
    loop {
        let (users, next) = page(iam, marker, calls).await?;
        names.extend(users.into_iter().map(|user| user.user_name));
        marker = next;
        if marker.is_none() {
            return Ok(names);
        }
    }
}

/// One page, and where the next one begins, if there is one.
async fn page(
    iam: &aws_sdk_iam::Client,
    marker: Option<String>,
    calls: &Calls,
) -> Result<(Vec<aws_sdk_iam::types::User>, Option<String>), CallError> {
    let request = iam.list_users().max_items(PAGE).set_marker(marker).send();
    let page = calls.make("ListUsers", "", request, |page| listed(page.users().len(), calls.language())).await?;
    let next = page.marker().filter(|marker| page.is_truncated() && !marker.is_empty()).map(str::to_owned);
    Ok((page.users, next))
}

fn listed(number: usize, language: Language) -> String {
    say!(language, "{number} listed", "{number} 件")
}
