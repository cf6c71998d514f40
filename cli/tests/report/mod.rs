//! `snapback check --report`, and the page that it writes, in a browser.

mod browser;

use super::*;
use browser::Browser;

/// What somebody would name things who wants to be more than text.
const SCRIPT: &str = "<script>alert(1)</script>";
const NAMES: [&str; 9] = [
    SCRIPT,
    "</script><!--<img src=x onerror=alert(2)>",
    "\"><svg onload=alert(3)>",
    "' onmouseover='alert(4)",
    "</td></tr></table></style></title><iframe src=https://example.com>",
    "&lt;script&gt;&amp;{{7*7}}${7*7}",
    "a\u{2028}b\u{2029}c\u{202e}d\u{2066}e\0f\u{feff}",
    "javascript:alert(5)",
    "]]><![CDATA[<!DOCTYPE x>",
];

fn iam_user(mut raw: Value) -> Value {
    raw["detail"]["userIdentity"] =
        json!({"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/dev", "userName": "dev"});
    raw
}

/// The same name wherever a record has one.
fn hostile(name: &str) -> Value {
    let mut raw = iam_user(new_key());
    let record = &mut raw["detail"];
    record["userIdentity"]["arn"] = json!(format!("arn:aws:iam::123456789012:user/{name}"));
    for field in ["eventID", "awsRegion", "sourceIPAddress", "recipientAccountId"] {
        record[field] = json!(name);
    }
    record["responseElements"]["accessKey"]["accessKeyId"] = json!(name);
    record["responseElements"]["accessKey"]["userName"] = json!(name);
    raw
}

fn lines_of(events: impl IntoIterator<Item = Value>) -> Vec<u8> {
    events.into_iter().flat_map(|event| format!("{event}\n").into_bytes()).collect()
}

/// New keys, one a minute, and each of another user of ten.
fn many(number: u32) -> Vec<u8> {
    lines_of((0..number).map(|index| {
        let mut raw = iam_user(new_key());
        let (hour, minute) = (index / 60, index % 60);
        raw["detail"]["eventTime"] = json!(format!("2026-01-{:02}T{:02}:{minute:02}:00Z", 1 + hour / 24, hour % 24));
        raw["detail"]["userIdentity"]["arn"] = json!(format!("arn:aws:iam::123456789012:user/dev-{}", index * 7 % 10));
        raw["detail"]["responseElements"]["accessKey"]["accessKeyId"] = json!(format!("AKIA{index:016}"));
        raw
    }))
}

/// Checks with a report, and gives the exit code, what was said, and the page.
fn report(arguments: &[&str], file: &Path) -> (i32, String, String) {
    let (code, stdout, stderr) = check(&[arguments, &["--report", file.to_str().unwrap()]].concat());
    (code, stdout + &stderr, fs::read_to_string(file).unwrap_or_default())
}

#[test]
fn a_page_says_what_was_read_and_how() {
    let (_kept, path) = folder(&[
        ("a.json", new_key().to_string().as_bytes()),
        ("b.json", b"{"),
        ("c<b>.json", b"[1]"),
        ("ignored.json", fs::read_to_string(repository().join(IGNORED)).unwrap().as_bytes()),
    ]);
    let file = Path::new(&path).join("report.html");
    let arguments =
        ["--since", "2020-01-02", "--trusted-accounts", "999999999999", "--access-key-mode", "revert", &path];
    let (code, said, page) = report(&arguments, &file);
    assert_eq!(code, 2, "{said}");
    for part in [
        "1 verdict on 2 records",
        "<strong>Not complete: </strong>",
        "could not be read",
        "b.json: it ends too early",
        "c&lt;b&gt;.json: it is no event",
        "2020-01-02T00:00:00Z",
        "2 records in 4 files, 2 could not be read",
        "--trusted-accounts",
        "snapback 0.1.0",
        "TrustedAccounts =<wbr> 999999999999",
        "all others by default",
        "ends too early",
    ] {
        assert!(page.contains(part), "{part}\n{}", page.split_once("</style>").unwrap().1);
    }
    assert!(!page.contains("AccessKeyMode") && !page.contains("<b>"), "{page}");
    // The older page in the folder is no history, and gives way to the new one.
    let (code, said, again) = report(&["--json", "--all", &path], &file);
    assert!(code == 2 && said.contains("1 other files passed over"), "{said}");
    assert!(said.contains(r#""verdict":"ignore""#) && again.contains("1 verdict on 2 records"), "{said}{again}");
    let left: BTreeSet<String> =
        fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(
        left,
        BTreeSet::from(["a.json", "b.json", "c<b>.json", "ignored.json", "report.html"].map(str::to_owned))
    );
}

#[test]
fn only_an_older_report_is_replaced() {
    let (_kept, path) = folder(&[
        ("a.json", new_key().to_string().as_bytes()),
        ("notes.html", b"<p>mine"),
        ("about.html", br#"<p>mine<p>Its pages have <meta name="generator" content="snapback check">"#),
        ("empty.html", b""),
    ]);
    let inside = |name: &str| Path::new(&path).join(name);
    let history = inside("a.json");
    let history = history.to_str().unwrap();
    for (file, complaint) in [
        (inside("notes.html"), "it is there, and no report"),
        (inside("about.html"), "it is there, and no report"),
        (inside("a.json"), "it is there, and no report"),
        (PathBuf::from(&path), "it is there, and no file"),
        (PathBuf::from("/dev/null"), "it is there, and no file"),
        (inside("missing/report.html"), "No such file"),
        (inside("a.json/report.html"), "Not a directory"),
    ] {
        let before = fs::read(&file).ok();
        // An input that is not there would be the first complaint if anything were read.
        let (code, stdout, stderr) = check(&["--report", file.to_str().unwrap(), "missing.json"]);
        assert!(code == 2 && stdout.is_empty() && stderr.contains(complaint), "{stderr}");
        assert!(stderr.contains("failed to write the report to `") && !stderr.contains("missing.json"), "{stderr}");
        assert_eq!(fs::read(&file).ok(), before);
    }
    for name in ["new.html", "new.html", "empty.html"] {
        let (code, said, page) = report(&[history], &inside(name));
        assert!(code == 1 && page.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{said}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, symlink};
        symlink("new.html", inside("link.html")).unwrap();
        fs::write(inside("new.html"), "").unwrap();
        let (code, _, page) = report(&[history], &inside("link.html"));
        assert!(code == 1 && !page.is_empty() && inside("link.html").is_symlink());
        let mode = |name: &str| fs::metadata(inside(name)).unwrap().mode() & 0o777;
        assert_eq!(mode("new.html"), mode("notes.html"), "as any file that the user writes");
        symlink("gone.html", inside("dangling.html")).unwrap();
        let (code, said, _) = report(&[history], &inside("dangling.html"));
        assert!(code == 2 && said.contains("it is there, and no file"), "{said}");
        assert!(inside("dangling.html").is_symlink() && !inside("gone.html").exists());
    }
}

#[test]
fn a_page_is_whole_when_nobody_reads_the_lines() {
    let (_kept, path) = folder(&[("many.jsonl", &many(6_000))]);
    let file = Path::new(&path).join("report.html");
    let arguments = ["check", "--json", "--report", file.to_str().unwrap(), &path];
    let mut child = command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let page = fs::read_to_string(&file).unwrap();
    for part in ["6,000 verdicts on 6,000 records", "5,000 of 6,000 are in this table, 1,000 are not"] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<tr><td>").count(), 5_000);
    assert!(page.contains("AKIA0000000000005999") && !page.contains("AKIA0000000000000999"), "the newest");
}

/// The filter knows such times, and so does the page.
#[test]
fn a_time_is_the_one_that_the_filter_goes_by() {
    let times = ["2026-01-02 03:04:05", "a word"].map(|written| {
        let mut raw = new_key();
        raw["detail"]["eventTime"] = json!(written);
        raw["time"] = json!("2026-02-03T04:05:06Z");
        raw
    });
    let (_kept, path) = folder(&[("times.jsonl", &lines_of(times))]);
    let file = Path::new(&path).join("report.html");
    let (code, said, page) = report(&["--until", "2026-02-03", &path], &file);
    assert!(code == 1 && page.contains("from 2026-01-02 03:04 to 2026-02-03 04:05"), "{said}");
    for time in ["2026-01-02 03:04:05", "2026-02-03 04:05:06"] {
        let written = format!(r#"<time datetime="{}Z">{time}</time>"#, time.replace(' ', "T"));
        assert!(page.contains(&written), "{written}");
    }
    assert!(!page.contains("Not drawn"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_page_is_written_when_the_lines_cannot_be() {
    let (_kept, path) = folder(&[("a.json", new_key().to_string().as_bytes())]);
    for (index, form) in [&["--json"][..], &[]].into_iter().enumerate() {
        let file = Path::new(&path).join(format!("{index}.html"));
        let arguments = [&["check", "--report", file.to_str().unwrap(), &path], form].concat();
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (code, _, said) = finished(command(&arguments).stdout(full).output().unwrap());
        assert!(code == 2 && said.contains("failed to write"), "{said}");
        assert!(fs::read_to_string(&file).unwrap().contains("1 verdict on 1 record"), "{form:?}");
    }
}

/// What the browser shows is tested below; this holds wherever there is none.
#[test]
fn nothing_of_a_record_is_markup() {
    let (_kept, path) = folder(&[("x.jsonl", &lines_of(NAMES.map(hostile)))]);
    let file = Path::new(&path).join("report.html");
    let (_, _, page) = report(&[&path], &file);
    let body = page.split_once("</style>").unwrap().1;
    for markup in ["<script>alert", "<img", "<svg onload", "<iframe", "<!--", "<![CDATA", "href=\"javascript"] {
        assert!(!body.contains(markup), "{markup}");
    }
    assert!(!page.contains(['\u{2028}', '\u{2029}', '\u{202e}', '\u{2066}', '\0', '\u{feff}']));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/<wbr>script&gt;") && page.contains(r"\u{202e}"));
}

/// One test, since a browser takes its time to start.
#[test]
fn the_page_in_a_browser() {
    let Some(program) = browser::find() else { return };
    let (_kept, path) =
        folder(&[("many.jsonl", &many(1_200)), ("names.jsonl", &lines_of(NAMES.map(hostile))), ("broken.json", b"{")]);
    let (_also_kept, odd_path) = folder(&[("odd.jsonl", &odd())]);
    let odd_page = Path::new(&odd_path).join("odd.html");
    assert_eq!(report(&[&odd_path], &odd_page).0, 1);
    let (hostile_page, samples, empty) = (
        Path::new(&path).join("hostile.html"),
        Path::new(&path).join("samples.html"),
        Path::new(&path).join("empty.html"),
    );
    assert_eq!(report(&[&path], &hostile_page).0, 2);
    let settings = "events/security-group/settings.toml";
    assert_eq!(report(&["--settings", settings, "--access-key-mode", "quarantine", "events"], &samples).0, 1);
    assert_eq!(report(&[IGNORED], &empty).0, 0);

    let mut browser = Browser::start(&program);
    browser.resize(1440, 900);
    names_stay_text(&mut browser, &hostile_page);
    it_is_a_table_for_all(&mut browser);
    rows_are_sorted(&mut browser);
    rows_are_chosen(&mut browser);
    odd_rows_find_their_place(&mut browser, &odd_page);
    verdicts_are_sorted_by_weight(&mut browser, &samples);
    for page in [&hostile_page, &samples, &empty] {
        browser.open(page);
        everything_is_seen(&mut browser);
        assert_eq!(browser.misdeeds(), [Value::Null; 0]);
    }
    everything_is_there_without_script(&mut browser, &hostile_page);
    nothing_else_would_run(&mut browser, &hostile_page);
}

fn helper(browser: &mut Browser, call: &str) -> Value {
    browser.evaluate(&format!("{}.{call}", include_str!("page.js").trim_end()))
}

fn column(browser: &mut Browser, index: usize) -> Vec<String> {
    serde_json::from_value(helper(browser, &format!("column({index})"))).unwrap()
}

fn names_stay_text(browser: &mut Browser, page: &Path) {
    browser.open(page);
    assert_eq!(browser.misdeeds(), [Value::Null; 0]);
    let made = helper(browser, "made()");
    let expected = [
        "@aria-pressed",
        "@class",
        "@data-kind",
        "@data-value",
        "@datetime",
        "@scope",
        "@type",
        "button",
        "code",
        "small",
        "span",
        "td",
        "th",
        "time",
        "tr",
        "wbr",
    ];
    assert_eq!(made, json!(expected));
    assert_eq!(browser.evaluate("document.querySelectorAll('script').length"), 1);
    assert_eq!(browser.evaluate("document.querySelectorAll('img, iframe, object, embed, form, link, base').length"), 0);
    assert_eq!(browser.evaluate("[...document.links].map((link) => link.getAttribute('href'))"), json!(["#problems"]));
    let resources = column(browser, 7);
    for name in NAMES {
        let shown: String = name
            .chars()
            .map(|character| match rules::text::is_harmful(character) {
                true => character.escape_unicode().to_string(),
                false => character.to_string(),
            })
            .collect();
        assert!(resources.contains(&shown), "{shown}\n{resources:?}");
    }
    let actor = format!("arn:aws:iam::123456789012:user/{SCRIPT}");
    browser.click(&format!(
        "[...document.querySelectorAll('[data-kind=actor]')].find((button) => button.dataset.value === {})",
        json!(actor)
    ));
    assert_eq!(column(browser, 5), [actor]);
    browser.click("document.getElementById('all')");
    assert_eq!(browser.misdeeds(), [Value::Null; 0]);
}

/// Laid out as a grid or as cards, it is a table all the same for whoever listens.
fn it_is_a_table_for_all(browser: &mut Browser) {
    let roles = |browser: &mut Browser, element: &str| -> BTreeMap<String, usize> {
        let object =
            browser.call("Runtime.evaluate", json!({"expression": format!("document.querySelector('{element}')")}));
        let nodes =
            browser.call("Accessibility.queryAXTree", json!({"objectId": object["result"]["objectId"]}))["nodes"]
                .clone();
        let roles = nodes.as_array().unwrap().iter().filter_map(|node| node["role"]["value"].as_str());
        roles.fold(BTreeMap::new(), |mut counted, role| {
            *counted.entry(role.to_owned()).or_default() += 1;
            counted
        })
    };
    for width in [390, 1_440] {
        browser.resize(width, 900);
        let head = roles(browser, "#findings thead");
        assert_eq!((head["columnheader"], head["button"]), (10, 10), "{head:?}");
        assert_eq!(roles(browser, "#findings tbody tr")["cell"], 10);
        assert!(roles(browser, "#findings").contains_key("table"));
    }
}

fn rows_are_sorted(browser: &mut Browser) {
    let state = "[...document.querySelectorAll('#findings th')].map((heading) => heading.getAttribute('aria-sort'))";
    assert_eq!(browser.evaluate(state)[1], "ascending");
    for (index, first) in [(0, "descending"), (7, "ascending"), (5, "ascending"), (1, "ascending")] {
        for turn in 0..2 {
            browser.click(&format!("document.querySelectorAll('#findings thead button')[{index}]"));
            let said = browser.evaluate(state);
            let is_descending =
                (first == "descending") == (turn == 0) && turn == 0 || (first == "ascending" && turn == 1);
            assert_eq!(said[index], if is_descending { "descending" } else { "ascending" });
            assert_eq!(said.as_array().unwrap().iter().filter(|said| !said.is_null()).count(), 1);
            let mut shown = column(browser, index);
            assert_eq!(shown.len(), 1_200 + NAMES.len());
            if is_descending {
                shown.reverse();
            }
            // What stands in the names is sorted as the browser sorts text of any language; the rest is plain.
            let plain: Vec<&String> = shown
                .iter()
                .filter(|text| !text.contains(|sign| "<>'\"{&\\".contains(sign)) && !text.starts_with("javascript"))
                .collect();
            assert!(plain.len() >= 1_200 && plain.is_sorted(), "{index} {said}");
        }
    }
}

/// Keys whose times, names and addresses are not all alike.
fn odd() -> Vec<u8> {
    let times = ["2026-01-02T03:04:05+09:00", "a word", "2026-01-01T20:00:00Z", "2025-12-31 23:00:00", "~~~"];
    let names = ["key-10", "key-9", "開発者", "Ümlaut", "1.example"];
    lines_of(times.iter().zip(names).map(|(time, name)| {
        let mut raw = iam_user(new_key());
        raw["time"] = Value::Null;
        raw["detail"]["eventTime"] = json!(time);
        raw["detail"]["sourceIPAddress"] = json!("198.51.100.7");
        raw["detail"]["responseElements"]["accessKey"]["accessKeyId"] = json!(name);
        raw
    }))
}

fn odd_rows_find_their_place(browser: &mut Browser, page: &Path) {
    browser.open(page);
    let sort = |index: usize| format!("document.querySelectorAll('#findings thead button')[{index}]");
    let newest = ["2026-01-01 20:00:00", "2026-01-01 18:04:05", "2025-12-31 23:00:00", "a word", "~~~"];
    assert_eq!(column(browser, 0), newest, "as it comes");
    browser.click(&sort(0));
    assert_eq!(column(browser, 0), newest, "what tells no time is the oldest");
    browser.click(&sort(0));
    let oldest = ["a word", "~~~", "2025-12-31 23:00:00", "2026-01-01 18:04:05", "2026-01-01 20:00:00"];
    assert_eq!(column(browser, 0), oldest);
    browser.click(&sort(7));
    assert_eq!(column(browser, 7), ["1.example", "key-9", "key-10", "Ümlaut", "開発者"]);
    for (searched, found) in [
        ("ümLAUT", &["Ümlaut"][..]),
        ("発者", &["開発者"]),
        ("KEY-9", &["key-9"]),
        // The address ends in 7, and a name begins with 1: together they are no other address.
        ("198.51.100.71", &[]),
    ] {
        browser.evaluate(&format!(
            "(() => {{ const input = document.getElementById('text'); input.value = {}; input.dispatchEvent(new Event('input')); }})()",
            json!(searched)
        ));
        let shown =
            "[...document.querySelectorAll('#findings tbody tr:not([hidden])')].map((row) => row.cells[7].textContent)";
        browser.wait_for(&format!("JSON.stringify({shown}) === JSON.stringify({})", json!(found)));
    }
    assert_eq!(browser.misdeeds(), [Value::Null; 0]);
}

fn verdicts_are_sorted_by_weight(browser: &mut Browser, page: &Path) {
    browser.open(page);
    let weightiest_first = |browser: &mut Browser| -> Vec<usize> {
        let words = column(browser, 1);
        words.iter().map(|word| Verdict::ALL.iter().position(|verdict| verdict.word() == word).unwrap()).collect()
    };
    let first = weightiest_first(browser);
    let kinds: BTreeSet<&usize> = first.iter().collect();
    assert!(first.is_sorted() && kinds.len() > 3, "{kinds:?}");
    for is_ascending in [false, true] {
        browser.click("document.querySelectorAll('#findings thead button')[1]");
        let mut shown = weightiest_first(browser);
        if !is_ascending {
            shown.reverse();
        }
        assert!(shown.is_sorted() && shown.len() == first.len(), "{shown:?}");
    }
}

fn rows_are_chosen(browser: &mut Browser) {
    let search = |browser: &mut Browser, text: &str| {
        browser.evaluate("document.getElementById('text').value = ''; document.getElementById('text').focus()");
        browser.call("Input.insertText", json!({"text": text}));
    };
    let says = |browser: &mut Browser, text: &str| {
        browser.wait_for(&format!("document.getElementById('shown').textContent === {}", json!(text)))
    };
    let pick = |kind: &str, value: &str| {
        format!(
            "[...document.querySelectorAll('[data-kind={kind}]')].find((button) => button.dataset.value === '{value}')"
        )
    };
    says(browser, "1,209 rows");
    search(browser, "akia0000000000000777");
    says(browser, "1 of 1,209 rows");
    assert_eq!(column(browser, 7), ["AKIA0000000000000777"]);
    search(browser, "AKIA00000000000011 2026-01-01");
    says(browser, "100 of 1,209 rows");
    let dev = "arn:aws:iam::123456789012:user/dev-3";
    browser.click(&pick("actor", dev));
    says(browser, "10 of 1,209 rows");
    assert!(column(browser, 5).iter().all(|actor| actor == dev));
    browser.click(&pick("actor", "arn:aws:iam::123456789012:user/dev-4"));
    says(browser, "20 of 1,209 rows");
    assert_eq!(browser.evaluate(&format!("{}.ariaPressed", pick("actor", dev))), "true");
    // The condition itself, to take it back.
    browser.click("document.querySelector('#chosen button')");
    says(browser, "10 of 1,209 rows");
    browser.click("document.getElementById('all')");
    says(browser, "1,209 rows");
    for (kind, value) in [("verdict", "revert"), ("rule", "access-key"), ("account", "123456789012")] {
        browser.click(&pick(kind, value));
    }
    says(browser, "1,200 of 1,209 rows");
    search(browser, "no such text anywhere");
    says(browser, "0 of 1,209 rows");
    assert_eq!(browser.evaluate("document.getElementById('nothing').checkVisibility()"), true);
    assert_eq!(browser.misdeeds(), [Value::Null; 0]);
}

/// In light and dark, wide and narrow: nothing is too faint, and nothing too wide.
fn everything_is_seen(browser: &mut Browser) {
    let page = browser.evaluate("document.title + location.pathname");
    // Also what is pressed, and what takes it back.
    browser
        .evaluate("document.querySelectorAll('[data-kind]').forEach((button, index) => index < 8 && button.click())");
    let mut backgrounds = BTreeSet::new();
    for scheme in ["light", "dark"] {
        browser.show_as("screen", scheme);
        backgrounds.insert(text(
            &json!({"color": browser.evaluate("getComputedStyle(document.body).backgroundColor")}),
            "color",
        ));
        for width in [320, 390, 700, 1_000, 1_281, 1_440, 2_200] {
            browser.resize(width, 900);
            assert_eq!(helper(browser, "tooWide()"), json!([]), "{page}, {width} wide");
            let faint = helper(browser, "tooFaint()");
            assert_eq!(faint["found"], json!([]), "{page}, {scheme}, {width} wide");
            assert!(faint["looked"].as_u64().unwrap() > 10, "{faint}");
        }
    }
    assert_eq!(backgrounds.len(), 2, "dark is not light");
    browser.show_as("print", "dark");
    assert_eq!(browser.evaluate("document.querySelector('.controls')?.checkVisibility() ?? false"), false);
    assert_eq!(browser.evaluate("getComputedStyle(document.body).color"), "rgb(28, 33, 38)", "ink on paper");
    browser.show_as("screen", "light");
    browser.resize(1440, 900);
    browser.evaluate("document.getElementById('all')?.click()");
}

fn everything_is_there_without_script(browser: &mut Browser, page: &Path) {
    browser.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    browser.open(page);
    assert_eq!(column(browser, 7).len(), 1_200 + NAMES.len());
    assert_eq!(browser.evaluate("document.querySelector('.controls').checkVisibility()"), false);
    assert_eq!(
        browser.evaluate("[...document.querySelectorAll('button:enabled')].map((button) => button.id)"),
        json!(["all"])
    );
    assert_eq!(helper(browser, "tooFaint()")["found"], json!([]));
    browser.call("Emulation.setScriptExecutionDisabled", json!({"value": false}));
}

/// The page's own policy would hold back what slipped in, and whatever would be loaded.
fn nothing_else_would_run(browser: &mut Browser, page: &Path) {
    browser.open(page);
    let tried = browser.evaluate(
        "(async () => {
            const tried = [];
            document.addEventListener('securitypolicyviolation', (event) => tried.push(event.effectiveDirective));
            const attempt = (action) => { try { action(); } catch { tried.push('refused'); } };
            attempt(() => { document.body.innerHTML = '<p>'; });
            attempt(() => { document.createElement('script').text = 'window.bad = 1'; });
            document.body.setAttribute('style', 'color: red');
            const style = document.createElement('style'); style.textContent = '* { color: red }'; document.body.append(style);
            const image = new Image(); image.src = 'https://example.com/x.png'; document.body.append(image);
            await fetch('https://example.com/').catch(() => tried.push('no fetch'));
            await new Promise((resolve) => setTimeout(resolve, 200));
            return [...new Set(tried)].sort();
        })()",
    );
    let expected = [
        "connect-src",
        "img-src",
        "no fetch",
        "refused",
        "require-trusted-types-for",
        "style-src-attr",
        "style-src-elem",
    ];
    assert_eq!(tried, json!(expected));
    assert_eq!(
        browser.evaluate("window.bad === undefined && getComputedStyle(document.body).color"),
        "rgb(28, 33, 38)"
    );
}
