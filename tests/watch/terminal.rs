//! A real terminal, made by `script`: what appears on it, and how it is left.

use super::plain::Publisher;
use super::scene::{fall, online};
use crate::common::{Mosquitto, root, wait_for};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

const LEAVES_SCREEN: &str = "\u{1b}[?1049l";
const SHOWS_CURSOR: &str = "\u{1b}[?25h";

/// `posed watch` on a terminal of 120 by 36 cells. After it, the terminal prints its settings.
struct Terminal {
    child: Child,
    keys: Option<ChildStdin>,
    output: Arc<Mutex<Vec<u8>>>,
    dir: tempfile::TempDir,
}

impl Terminal {
    fn start(broker: &Mosquitto, variables: &str) -> Terminal {
        let dir = tempfile::tempdir().unwrap();
        let posed = env!("CARGO_BIN_EXE_posed");
        let run = dir.path().join("run.sh");
        let pid = dir.path().join("pid");
        let watch = format!("exec {posed} watch --broker mqtt://127.0.0.1:{}", broker.port);
        let text = format!(
            "stty rows 36 cols 120\nexport TERM=xterm-256color LC_ALL=C.UTF-8 {variables}\n\
             sh -c 'echo $$ > {}; {watch}'\necho ended with $?\nstty -a\n",
            pid.display()
        );
        std::fs::write(&run, text).unwrap();
        let shell = format!("sh {}", run.display());
        let mut child = Command::new("script")
            .args(["--quiet", "--flush", "--command", &shell, "/dev/null"])
            .current_dir(root())
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script is installed (Debian's package bsdutils)");
        let output = Arc::new(Mutex::new(Vec::new()));
        let (mut out, kept) = (child.stdout.take().unwrap(), output.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = out.read(&mut buffer) {
                kept.lock().unwrap().extend_from_slice(&buffer[..n]);
            }
        });
        let keys = child.stdin.take();
        Terminal { child, keys, output, dir }
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap()).into_owned()
    }

    fn press(&mut self, keys: &str) {
        self.keys.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    fn wait(&self, what: &str, accept: impl Fn(&str) -> bool) {
        let shown = || accept(&self.output()).then_some(());
        wait_for(what, shown);
    }

    fn signal(&self, name: &str) {
        let pid: PathBuf = self.dir.path().join("pid");
        let pid = std::fs::read_to_string(pid).unwrap();
        assert!(Command::new("kill").args(["-s", name, pid.trim()]).status().unwrap().success());
    }

    /// Waits for its end. The terminal must be as before: its own screen, a cursor, echo and lines.
    fn assert_restored(mut self, code: &str) {
        // `script` waits for the end of its input as well.
        self.wait("the settings of the terminal", |output| {
            output.contains("-iexten") || output.contains(" iexten")
        });
        drop(self.keys.take());
        wait_for("the end of script", || self.child.try_wait().unwrap());
        let output = self.output();
        let after = output.rsplit_once(LEAVES_SCREEN).expect("it leaves its screen").1;
        assert!(output.rfind(SHOWS_CURSOR) > output.rfind("\u{1b}[?25l"), "no cursor: {after:?}");
        assert!(after.contains(&format!("ended with {code}")), "{after:?}");
        let settings = after.split_whitespace().map(|word| word.trim_end_matches(';'));
        let settings: Vec<&str> = settings.collect();
        for wanted in ["echo", "icanon", "isig", "opost"] {
            assert!(settings.contains(&wanted), "{wanted} is off: {after}");
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn has_skeleton(output: &str) -> bool {
    output.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count() > 40
}

/// Publishes a camera with people until the terminal shows their skeletons.
fn until_shown(broker: &Mosquitto, terminal: &Terminal) -> Publisher {
    let publisher = Publisher::start(broker);
    publisher.send("posed/hall/state", online(), true);
    publisher.send("posed/yard/state", online(), true);
    publisher.replay(|| has_skeleton(&terminal.output()) && terminal.output().contains("1 standing"));
    publisher
}

#[test]
fn a_skeleton_is_shown_and_q_leaves_the_terminal_as_it_was() {
    let broker = Mosquitto::start();
    let mut terminal = Terminal::start(&broker, "");
    let publisher = until_shown(&broker, &terminal);
    publisher.send("posed/hall/events", fall(), false);
    terminal.wait("the event", |output| output.contains("fall confirmed: person 1 at rug"));
    assert!(terminal.output().contains("\u{1b}[38;5;"), "no colours");
    terminal.press("?");
    // Only cells that change are written: a blank between two words may not be.
    terminal.wait("the keys", |output| output.contains("choose"));
    // Without the help, enter shows the camera large.
    terminal.press("?\r");
    terminal.wait("the camera", |output| output.contains("v4l2h264dec"));
    terminal.press("q");
    terminal.assert_restored("0");
}

#[test]
fn signals_and_ctrl_c_leave_the_terminal_as_it_was() {
    for signal in ["TERM", "INT", "HUP"] {
        let broker = Mosquitto::start();
        let terminal = Terminal::start(&broker, "");
        until_shown(&broker, &terminal);
        terminal.signal(signal);
        terminal.assert_restored("0");
    }
    let broker = Mosquitto::start();
    let mut terminal = Terminal::start(&broker, "");
    until_shown(&broker, &terminal);
    terminal.press("\u{3}");
    terminal.assert_restored("0");
}

#[test]
fn a_panic_leaves_the_terminal_as_it_was() {
    let broker = Mosquitto::start();
    let panics = tempfile::tempdir().unwrap();
    let terminal = Terminal::start(&broker, &format!("POSED_PANIC={}", panics.path().display()));
    until_shown(&broker, &terminal);
    std::fs::write(panics.path().join("watch"), "").unwrap();
    terminal.wait("the panic", |output| output.contains("a panic on purpose"));
    let output = terminal.output();
    let after = output.rsplit_once("a panic on purpose").unwrap().0;
    assert!(after.contains(LEAVES_SCREEN), "the panic is written to a screen that goes");
    terminal.assert_restored("101");
}

#[test]
fn no_colour_is_used_where_none_is_wanted() {
    let broker = Mosquitto::start();
    let mut terminal = Terminal::start(&broker, "NO_COLOR=1");
    until_shown(&broker, &terminal);
    let output = terminal.output();
    assert!(!output.contains("\u{1b}[38;") && !output.contains("\u{1b}[48;"), "{output:?}");
    terminal.press("q");
    terminal.assert_restored("0");
}

#[test]
fn a_broker_that_is_away_is_shown_and_comes_back() {
    let mut broker = Mosquitto::start();
    let mut terminal = Terminal::start(&broker, "");
    until_shown(&broker, &terminal);
    broker.down();
    terminal.wait("the loss", |output| output.contains("away"));
    broker.up();
    let publisher = Publisher::start(&broker);
    publisher.send("posed/hall/help", "ON", true);
    terminal.wait("what came after the return", |output| output.contains("HELP"));
    terminal.press("q");
    terminal.assert_restored("0");
}
