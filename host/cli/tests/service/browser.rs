//! A real Chromium, driven by its DevTools protocol over a pipe.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_harness::Missing;

/// Names a Chromium.
const VARIABLE: &str = "HOST_TEST_CHROMIUM";
/// Longest time until a page is as it is to be.
const PATIENCE: Duration = Duration::from_secs(30);

/// The Chromium that `HOST_TEST_CHROMIUM` names.
pub(crate) fn chromium() -> Result<PathBuf, Missing> {
    let named = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    named.ok_or_else(|| {
        Missing::new(format!(
            "{VARIABLE} names no Chromium; on Debian: `apt-get install chromium`, /usr/bin/chromium"
        ))
    })
}

/// A browser with one tab. Ends when dropped.
pub(crate) struct Browser {
    child: Child,
    requests: ChildStdin,
    messages: Receiver<Value>,
    session: String,
    next_id: u64,
    /// What the console said that it should not.
    pub(crate) errors: Vec<String>,
    _profile: TempDir,
}

impl Browser {
    pub(crate) fn start(chromium: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The pipe of the protocol is on the descriptors 3 and 4.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null"])
            .arg(chromium)
            .args(["--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu"])
            // Its own sandbox needs another user than root; all that it opens is the page under test.
            .args(["--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let requests = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        thread::spawn(move || {
            for message in answers.split(0) {
                let Ok(message) = message else { return };
                if sender.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    return;
                }
            }
        });
        let session = String::new();
        let mut browser =
            Self { child, requests, messages, session, next_id: 0, errors: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach);
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, json!({}));
        }
        browser
    }

    /// A call of the protocol. What is said meanwhile is looked at.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        let id = self.send(method, parameters);
        let since = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(since.elapsed());
            let message =
                self.messages.recv_timeout(left).unwrap_or_else(|_| panic!("{method} has no answer"));
            if message["id"] == id {
                assert_eq!(message["error"], Value::Null, "{method}");
                return message["result"].clone();
            }
            self.hear(&message);
        }
    }

    fn send(&mut self, method: &str, parameters: Value) -> u64 {
        self.next_id += 1;
        let mut request = json!({ "id": self.next_id, "method": method, "params": parameters });
        if !self.session.is_empty() {
            request["sessionId"] = self.session.clone().into();
        }
        self.requests.write_all(request.to_string().as_bytes()).unwrap();
        self.requests.write_all(&[0]).unwrap();
        self.next_id
    }

    fn hear(&mut self, message: &Value) {
        let parameters = &message["params"];
        match message["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => self.errors.push(parameters["exceptionDetails"].to_string()),
            "Log.entryAdded" if parameters["entry"]["level"] == "error" => {
                self.errors.push(parameters["entry"].to_string());
            }
            "Runtime.consoleAPICalled" if parameters["type"] == "error" => {
                self.errors.push(parameters["args"].to_string());
            }
            "Page.javascriptDialogOpening" => {
                self.send("Page.handleJavaScriptDialog", json!({ "accept": true }));
            }
            _ => {}
        }
    }

    /// Opens an address, and waits until it is there.
    pub(crate) fn open(&mut self, url: &str) {
        // Of the page before, so that its end is seen.
        self.evaluate("window.before = true");
        self.call("Page.navigate", json!({ "url": url }));
        self.wait_for("!window.before && document.readyState === 'complete'");
    }

    /// The value of an expression in the page.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        self.call("Runtime.evaluate", asked)["result"]["value"].clone()
    }

    /// Waits until an expression is true; while a page is loaded it may fail.
    pub(crate) fn wait_for(&mut self, expression: &str) {
        let since = Instant::now();
        while self.evaluate(expression) != true {
            if since.elapsed() >= PATIENCE {
                let text = self.evaluate("location.href + '\\n' + document.body.innerText");
                panic!("never {expression}: {text}");
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Clicks at what a selector finds, as a mouse does.
    pub(crate) fn click(&mut self, selector: &str) {
        let quoted = serde_json::to_string(selector).unwrap();
        self.wait_for(&format!("!!document.querySelector({quoted})"));
        // Without the focus a list of suggestions is closed, which would take the click. The second frame has what the first
        // one scrolled to.
        let place = self.evaluate(&format!(
            "(async () => {{ document.activeElement?.blur(); const it = document.querySelector({quoted}); \
             it.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))); \
             const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let at = json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", at);
        }
    }

    /// Fills in a field of a form.
    pub(crate) fn fill(&mut self, selector: &str, text: &str) {
        self.click(selector);
        let (quoted, expected) =
            (serde_json::to_string(selector).unwrap(), serde_json::to_string(text).unwrap());
        self.wait_for(&format!("document.activeElement === document.querySelector({quoted})"));
        self.write(text);
        self.wait_for(&format!("document.querySelector({quoted}).value === {expected}"));
    }

    /// Types a text into what has the focus.
    pub(crate) fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Presses a key, such as `Tab` or `Enter`.
    pub(crate) fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Tab" => (9, ""),
            "ArrowLeft" => (37, ""),
            "ArrowRight" => (39, ""),
            "Home" => (36, ""),
            key => panic!("no code of key {key}"),
        };
        let press = json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
        self.call("Input.dispatchKeyEvent", press);
        let release = json!({ "type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code });
        self.call("Input.dispatchKeyEvent", release);
    }

    /// Keeps a picture of the page in the target folder.
    pub(crate) fn picture(&mut self, name: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
        fs::create_dir_all(&folder).unwrap();
        let picture =
            self.call("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": true }));
        let bytes = BASE64_STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
