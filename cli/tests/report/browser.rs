//! A Chromium without a window, driven by its DevTools protocol (<https://chromedevtools.github.io/devtools-protocol/>).

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

/// How long the browser may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Names of browsers that speak the protocol. Chromium's shell has no window at all, and is the smallest.
const NAMES: [&str; 7] = [
    // Debian's. What is on the PATH there is a script that starts it, and that would be all that is ended if it hangs.
    "/usr/lib/chromium/chromium-headless-shell",
    "chromium-headless-shell",
    "chrome-headless-shell",
    "google-chrome",
    "google-chrome-stable",
    "chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// What Debian's shell is in. Without a font there is nothing to measure.
const PACKAGES: [&str; 2] = ["chromium-headless-shell", "fonts-dejavu-core"];

/// A browser with one page.
pub(super) struct Browser {
    process: Child,
    socket: WebSocket<TcpStream>,
    calls: u64,
    session: Option<String>,
    /// What the page has told and nobody has looked at.
    events: Vec<Value>,
    _profile: TempDir,
}

/// The browser that `SNAPBACK_CHROMIUM` names, or one that is there, or, as root on Debian, one that is installed for it. `None` if there is none,
/// unless `SNAPBACK_REQUIRE_BROWSER` demands it.
pub(super) fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("SNAPBACK_CHROMIUM").filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let found = on_path().or_else(|| install().then(on_path).flatten());
    if found.is_none() {
        assert!(
            std::env::var_os("SNAPBACK_REQUIRE_BROWSER").is_none(),
            "no Chromium, and SNAPBACK_REQUIRE_BROWSER demands one"
        );
        // Written past the test's capture: whoever runs the tests is to see it.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"\nNOT TESTED: check's report in a browser, since there is none. Install Chromium or Chrome, or name one in SNAPBACK_CHROMIUM.\n",
        );
    }
    found
}

fn on_path() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    // A name that is a whole path stays as it is.
    NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|path| path.is_file())
}

/// Whether it could be installed. Elsewhere than on Debian, and as another user, it is not tried.
fn install() -> bool {
    let id = Command::new("id").arg("-u").output();
    let is_root = id.is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !is_root || !Path::new("/etc/debian_version").exists() {
        return false;
    }
    // Written past the test's capture, as above: it takes a while, and changes the machine.
    let _ = std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("\ninstalling {} to test check's report in a browser\n", PACKAGES.join(" and ")).as_bytes(),
    );
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["-qq", "-o", "DPkg::Lock::Timeout=300"]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        command.stdin(Stdio::null()).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    apt(&["update"]);
    apt(&[&["install", "-y", "--no-install-recommends"], &PACKAGES[..]].concat())
}

impl Browser {
    pub(super) fn start(program: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new(program)
            // Root has no sandbox, and containers seldom have one.
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--remote-debugging-port=0",
            ])
            .args(["--no-first-run", "--disable-background-networking", "--disable-component-update"])
            .arg([OsStr::new("--user-data-dir="), profile.path().as_os_str()].join(OsStr::new("")))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|problem| panic!("failed to start {}: {problem}", program.display()));
        let mut said = BufReader::new(process.stderr.take().unwrap());
        let (mut all, mut address) = (String::new(), None);
        while address.is_none() {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "{} ended: {all}", program.display());
            all += &line;
            address = line.trim().strip_prefix("DevTools listening on ").map(str::to_owned);
        }
        // So that it never waits for somebody to read what it says.
        thread::spawn(move || std::io::copy(&mut said.by_ref(), &mut std::io::sink()));
        let address = address.unwrap();
        let host = address.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).unwrap();
        let stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = tungstenite::client(address.as_str(), stream).unwrap();
        let mut browser = Self { process, socket, calls: 0, session: None, events: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Calls a method of the protocol, and waits for its result.
    pub(super) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(message.to_string())).unwrap();
        loop {
            let message = self.receive();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method} {parameters}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn receive(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().unwrap() {
                return serde_json::from_str(text.as_str()).unwrap();
            }
        }
    }

    /// Opens a file, and waits until it is shown.
    pub(super) fn open(&mut self, file: &Path) {
        self.events.clear();
        let opened = self.call("Page.navigate", json!({"url": format!("file://{}", file.display())}));
        assert!(opened["errorText"].is_null(), "{opened}");
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.receive();
            self.events.push(event);
        }
    }

    /// What the page did, by the names of the protocol, that a page that keeps to itself does not do.
    pub(super) fn misdeeds(&mut self) -> Vec<Value> {
        // What is on its way comes before the answer.
        self.evaluate("0");
        let names = [
            "Runtime.exceptionThrown",
            "Runtime.consoleAPICalled",
            "Log.entryAdded",
            "Page.javascriptDialogOpening",
            "Page.windowOpen",
        ];
        let is_page = |event: &Value| event["params"]["type"] == "Document";
        let is_misdeed = |event: &Value| match event["method"].as_str() {
            Some("Network.requestWillBeSent") => !is_page(event),
            Some(name) => names.contains(&name),
            None => false,
        };
        self.events.drain(..).filter(is_misdeed).collect()
    }

    /// The value of an expression, awaited if it is a promise.
    pub(super) fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", parameters);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Waits until the expression is true.
    pub(super) fn wait_for(&mut self, expression: &str) {
        let started = Instant::now();
        while self.evaluate(expression) != json!(true) {
            assert!(started.elapsed() < PATIENCE, "never: {expression}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses the left button on the middle of an element, and lets it go.
    pub(super) fn click(&mut self, element: &str) {
        let place = self.evaluate(&format!(
            "(() => {{ const element = {element}; element.scrollIntoView({{block: 'center'}}); const box = element.getBoundingClientRect(); \
             return {{x: box.x + box.width / 2, y: box.y + box.height / 2}}; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let parameters = json!({"type": kind, "x": place["x"], "y": place["y"], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", parameters);
        }
    }

    /// How large the window is, in CSS pixels.
    pub(super) fn resize(&mut self, width: u32, height: u32) {
        let parameters = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", parameters);
    }

    /// Whether it is shown on a screen or printed, and whether light or dark.
    pub(super) fn show_as(&mut self, medium: &str, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"media": medium, "features": features}));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked to, it ends its processes and its use of the profile; if it doesn't, it is ended.
        let close = json!({"id": 0, "method": "Browser.close"});
        let _ = self.socket.send(Message::text(close.to_string()));
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(5) {
            if let Ok(Some(_)) = self.process.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
