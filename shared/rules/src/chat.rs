//! An alert as AWS's chat integration takes it (Amazon Q Developer in chat applications, formerly AWS Chatbot), which drops everything else without
//! a word: <https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>.
//!
//! The integration hands text to Slack or Teams as that chat's own markdown. So what an event says could mention a whole channel, hide a link behind other
//! words or end the block that it stands in; each character that could is exchanged for one that looks alike. The mail has the exact text.

use serde_json::json;

use crate::alert::Alert;

/// The longest title, in characters.
const LONGEST_TITLE: usize = 250;

/// The longest description, in characters.
const LONGEST_DESCRIPTION: usize = 8_000;

const CUT: &str = "\n… cut: the mail has the rest";

/// The message to publish.
pub fn render(alert: &Alert) -> String {
    let fence = "```";
    let room = LONGEST_DESCRIPTION - 2 * (fence.len() + 1);
    let body = cut(&plain(&alert.body), room, CUT);
    let next_steps: Vec<String> = alert.link.iter().map(|link| format!("CloudTrail: {link}")).collect();
    json!({
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": cut(&title(&alert.subject), LONGEST_TITLE, "..."),
            "description": format!("{fence}\n{}\n{fence}", body.trim_end()),
            "nextSteps": next_steps,
        },
        "metadata": {"summary": cut(&title(&alert.subject), LONGEST_TITLE, "...")},
    })
    .to_string()
}

/// Text for a block of code, in which chats still look for mentions and links (`<!channel>`, `<https://…|…>`, `https://…`).
fn plain(text: &str) -> String {
    text.replace("://", "[:]//").chars().map(harmless).collect()
}

/// Text for a line outside of a block of code, where formatting counts, too.
fn title(text: &str) -> String {
    let formatting = |character| match character {
        '*' => '＊',
        '_' => '＿',
        '~' => '～',
        '[' => '［',
        ']' => '］',
        '\\' => '＼',
        other => other,
    };
    plain(&text.chars().map(formatting).collect::<String>())
}

fn harmless(character: char) -> char {
    match character {
        '<' => '‹',
        '>' => '›',
        '`' => '\'',
        '@' => '＠',
        '&' => '＆',
        other => other,
    }
}

/// At most `longest` characters, with a note in place of what is left out.
fn cut(text: &str, longest: usize, note: &str) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest.saturating_sub(note.chars().count())).chain(note.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn rendered(subject: &str, body: &str) -> (String, String) {
        let alert = Alert { subject: subject.to_owned(), body: body.to_owned(), link: None };
        let message: Value = serde_json::from_str(&render(&alert)).unwrap();
        let text = |name: &str| message["content"][name].as_str().unwrap().to_owned();
        (text("title"), text("description"))
    }

    #[test]
    fn text_from_events_is_no_mention_no_link_and_no_formatting() {
        for (written, title, description) in [
            ("<!channel> look", "‹!channel› look", "‹!channel› look"),
            ("<!here|here>", "‹!here|here›", "‹!here|here›"),
            ("<@U0123> @here", "‹＠U0123› ＠here", "‹＠U0123› ＠here"),
            ("&lt;!channel&gt;", "＆lt;!channel＆gt;", "＆lt;!channel＆gt;"),
            ("<https://evil.example|AWS>", "‹https[:]//evil.example|AWS›", "‹https[:]//evil.example|AWS›"),
            ("https://evil.example", "https[:]//evil.example", "https[:]//evil.example"),
            ("[AWS](https://evil.example)", "［AWS］(https[:]//evil.example)", "[AWS](https[:]//evil.example)"),
            ("``` *x* _y_ ~z~", "''' ＊x＊ ＿y＿ ～z～", "''' *x* _y_ ~z~"),
            ("開発者", "開発者", "開発者"),
        ] {
            let (in_title, in_description) = rendered(written, written);
            assert_eq!((in_title, in_description), (title.to_owned(), format!("```\n{description}\n```")));
        }
    }

    #[test]
    fn nothing_is_longer_than_the_integration_takes() {
        for long in ["x".repeat(300_000), "開".repeat(70_000), "`".repeat(20_000), "://".repeat(9_000)] {
            let (title, description) = rendered(&long, &long);
            assert!(title.chars().count() <= LONGEST_TITLE);
            assert!(description.chars().count() <= LONGEST_DESCRIPTION);
            assert!(description.starts_with("```\n") && description.ends_with("the mail has the rest\n```"));
        }
    }
}
