//! A headless Chromium, driven over two pipes by its DevTools protocol: JSON texts that end in NUL.

use crate::common::{PATIENCE, root};
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

/// Names under which distributions install it.
const PROGRAMS: [&str; 2] = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];

/// A browser with one page; it ends when it is dropped.
pub struct Browser {
    child: Child,
    commands: File,
    messages: Receiver<Value>,
    session: String,
    last_id: u64,
    /// What the page or the browser reported as an error.
    pub errors: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// An empty page. If there is no Chromium, says on stderr that the test is skipped.
    pub fn start() -> Option<Browser> {
        let Some(program) = PROGRAMS.iter().find(|path| Path::new(path).exists()) else {
            eprintln!("skipped: Chromium is absent (tests/deps.sh test)");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let (to, from) = (profile.path().join("to"), profile.path().join("from"));
        assert!(Command::new("mkfifo").args([&to, &from]).status().unwrap().success());
        // Chromium takes commands from descriptor 3 and answers on 4.
        let child = Command::new("sh")
            .args(["-c", "to=$1 from=$2; shift 2; exec \"$@\" 3<\"$to\" 4>\"$from\"", "sh"])
            .args([&to, &from])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().join("profile").display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = OpenOptions::new().write(true).open(to).unwrap();
        let answers = File::open(from).unwrap();
        let (send, messages) = sync_channel(10_000);
        std::thread::spawn(move || {
            for text in BufReader::new(answers).split(0).map_while(Result::ok) {
                if send.send(serde_json::from_slice(&text).unwrap()).is_err() {
                    return;
                }
            }
        });
        let (session, last_id, errors) = (String::new(), 0, Vec::new());
        let mut browser = Browser { child, commands, messages, session, last_id, errors, _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach);
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Runtime.enable", "Log.enable", "Page.enable", "Network.enable"] {
            browser.call(domain, json!({}));
        }
        Some(browser)
    }

    /// Sends a command and waits for its answer.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let mut command = json!({ "id": self.last_id, "method": method, "params": params });
        if !self.session.is_empty() {
            command["sessionId"] = self.session.as_str().into();
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).unwrap();
        loop {
            let message = self.messages.recv_timeout(PATIENCE).expect("an answer of Chromium");
            if message["id"] == self.last_id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.note(&message);
        }
    }

    fn note(&mut self, message: &Value) {
        let params = &message["params"];
        match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.errors.push(params["exceptionDetails"].to_string()),
            Some("Log.entryAdded") if params["entry"]["level"] == "error" => {
                self.errors.push(params["entry"].to_string());
            }
            Some("Runtime.consoleAPICalled") if params["type"] == "error" => {
                self.errors.push(params.to_string())
            }
            _ => {}
        }
    }

    /// Opens `url`.
    pub fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url }));
    }

    /// The value of a JavaScript expression.
    pub fn value(&mut self, expression: &str) -> Value {
        let result =
            self.call("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true }));
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until the expression is true.
    pub fn wait(&mut self, expression: &str) {
        let what = format!("{expression} in the page");
        crate::common::wait_for(&what, || {
            (self.value(&format!("Boolean({expression})")) == true).then_some(())
        });
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        self.press_with(key, 0);
    }

    /// Presses a key while others are held: 2 is Ctrl, 8 is Shift.
    pub fn press_with(&mut self, key: &str, modifiers: u32) {
        let number = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            "Insert" => 45,
            "Delete" => 46,
            letter => u32::from(letter.to_ascii_uppercase().as_bytes()[0]),
        };
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key, "text": text, "modifiers": modifiers,
                "windowsVirtualKeyCode": number });
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Types `text` into the field that has the focus, in place of what is in it.
    pub fn fill(&mut self, text: &str) {
        self.value("document.activeElement.select()");
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Presses Tab until the element that has the focus matches `selector`.
    pub fn tab_to(&mut self, selector: &str) {
        let there = format!("document.activeElement.matches({selector:?})");
        for _ in 0..60 {
            if self.value(&there) == true {
                return;
            }
            self.press("Tab");
        }
        panic!("the keyboard does not reach {selector}");
    }

    /// The middle of the first element that matches `selector`, in px of the window.
    fn middle(&mut self, selector: &str) -> [f64; 2] {
        let place = self.value(&format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{ block: 'nearest' }}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] }})()"
        ));
        [place[0].as_f64().unwrap(), place[1].as_f64().unwrap()]
    }

    /// Clicks on the first element that matches `selector`.
    pub fn click(&mut self, selector: &str) {
        let at = self.middle(selector);
        self.drag(&[at]);
    }

    /// Presses the mouse at the first of `places`, moves it over the others, and lets it go.
    pub fn drag(&mut self, places: &[[f64; 2]]) {
        let (first, last) = (places[0], places[places.len() - 1]);
        let button = |kind: &str, [x, y]: [f64; 2], button: &str| json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": 1 });
        self.call("Input.dispatchMouseEvent", button("mouseMoved", first, "none"));
        self.call("Input.dispatchMouseEvent", button("mousePressed", first, "left"));
        for place in &places[1..] {
            self.call("Input.dispatchMouseEvent", button("mouseMoved", *place, "left"));
        }
        self.call("Input.dispatchMouseEvent", button("mouseReleased", last, "left"));
    }

    /// Touches a place.
    pub fn tap(&mut self, [x, y]: [f64; 2]) {
        let touches = json!([{ "x": x, "y": y }]);
        self.call("Input.dispatchTouchEvent", json!({ "type": "touchStart", "touchPoints": touches }));
        self.call("Input.dispatchTouchEvent", json!({ "type": "touchEnd", "touchPoints": [] }));
    }

    /// A place in the first element that matches `selector`, given in shares of it.
    pub fn place(&mut self, selector: &str, [x, y]: [f64; 2]) -> [f64; 2] {
        let [middle_x, middle_y] = self.middle(selector);
        let size = self.value(&format!(
            "(() => {{ const r = document.querySelector({selector:?}).getBoundingClientRect(); return [r.width, r.height] }})()"
        ));
        let (width, height) = (size[0].as_f64().unwrap(), size[1].as_f64().unwrap());
        [middle_x + (x - 0.5) * width, middle_y + (y - 0.5) * height]
    }

    /// A window of this size, light or dark.
    pub fn look(&mut self, width: u32, height: u32, phone: bool, scheme: &str) {
        let size = json!({ "width": width, "height": height, "mobile": phone,
            "deviceScaleFactor": if phone { 2 } else { 1 } });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", media);
        self.call("Emulation.setTouchEmulationEnabled", json!({ "enabled": phone }));
    }

    /// Writes what is seen to `target/page/<name>.png`.
    pub fn screenshot(&mut self, name: &str) {
        let shot = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        let bytes = data_encoding::BASE64.decode(shot["data"].as_str().unwrap().as_bytes()).unwrap();
        let folder = root().join("target/page");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
