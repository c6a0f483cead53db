//! The zone editor in a real browser, with the real daemon and the demo clip.

use crate::browser::Browser;
use crate::common::{Mosquitto, Posed, Subscriber, clip, config, free_port, root};
use posed::config::Machine;
use std::path::Path;

/// The demo clip as camera `hall`, with a zone and comments.
fn house(broker: &Mosquitto, http: &str) -> String {
    let (clip, finder) = (clip(), root().join("models/person-320x192"));
    format!(
        "# My house.\n{}finder = \"{}\"\n[http]\n{http}\n\
         [[camera]]\nname = \"hall\"\nsource = \"file://{}\"   # the demo clip\nloop = true\n\n\
         # Where they walk.\n[[camera.zone]]\nname = \"floor\"   # all of it\n\
         polygon = [[0.3, 0.1], [0.99, 0.1], [0.99, 0.99], [0.3, 0.99]]\n",
        config(broker, ""),
        finder.display(),
        clip.display()
    )
}

/// Opens the editor of the hall in a page of the daemon.
fn open(browser: &mut Browser, port: u16) {
    browser.open(&format!("http://127.0.0.1:{port}/#camera=hall"));
    browser.wait("document.querySelector('[data-camera=hall]')?.dataset.seq");
    browser.wait("document.getElementById('edit').offsetParent !== null");
}

fn start(http: &str) -> (Mosquitto, Posed, u16) {
    let (broker, port) = (Mosquitto::start(), free_port());
    let posed = Posed::run(&house(&broker, &format!("listen = \"127.0.0.1:{port}\"\n{http}")));
    crate::common::wait_for("the port", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    (broker, posed, port)
}

const SAID: &str = "document.querySelector('.said').textContent";
const POINTS: &str = "document.querySelectorAll('.point').length";

#[test]
fn a_zone_is_drawn_by_mouse_copied_and_saved() {
    let Some(mut browser) = Browser::start() else { return };
    let (broker, posed, port) = start("edit = true");
    browser.look(1280, 800, false, "light");
    open(&mut browser, port);
    browser.click("#edit");
    browser.wait("document.querySelectorAll('.shapes button').length === 1");
    let traces = "(() => { const c = document.querySelector('.traces'); \
        return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v > 0).length })()";
    browser.wait(&format!("{traces} > 5000"));

    browser.click(".add-zone");
    let corners = [[0.05, 0.55], [0.25, 0.5], [0.28, 0.9], [0.05, 0.95], [0.05, 0.55]];
    for (n, corner) in corners.into_iter().enumerate() {
        let at = browser.place(".sketch", corner);
        browser.drag(&[at]);
        browser.wait(&format!("{POINTS} === {}", (n + 1).min(4)));
    }
    browser.wait("document.querySelector('.fields legend').textContent === 'Zone, 4 corners'");
    // A corner is dragged, one is added in the middle of a side, and Undo takes that back.
    let (from, to) = (browser.place(".sketch", [0.28, 0.9]), browser.place(".sketch", [0.3, 0.85]));
    browser.drag(&[from, [from[0] + 3.0, from[1] - 3.0], to]);
    let side = browser.place(".sketch", [0.15, 0.525]);
    browser.drag(&[side]);
    browser.wait(&format!("{POINTS} === 5"));
    browser.press_with("z", 2);
    browser.wait(&format!("{POINTS} === 4"));

    // What is wrong is named while one types, and cannot be saved.
    for (name, problem) in [("so/fa", "unfit"), ("", "needs a name"), ("floor", "another zone has this name")]
    {
        browser.click(".name");
        browser.fill(name);
        let problem = if problem == "unfit" { "the name holds “/”" } else { problem };
        browser.wait(&format!("document.querySelector('.problems').textContent.includes({problem:?})"));
        assert_eq!(browser.value("document.querySelector('.save').disabled"), true, "{name}");
    }
    browser.fill("sofa");
    browser.wait(
        "document.querySelector('.problems').textContent === '' && !document.querySelector('.save').disabled",
    );
    browser.screenshot("editor");

    // Without a clipboard, the text stands in a field.
    browser.value("Object.defineProperty(navigator, 'clipboard', { value: undefined })");
    browser.click(".copy");
    browser.wait("document.activeElement.matches('.toml')");
    let copied = browser.value("document.activeElement.value").as_str().unwrap().to_owned();
    let text = format!("[[camera]]\nname = \"hall\"\nsource = \"test://\"\n{copied}");
    let parsed = posed::config::parse(&text, Path::new("posed.toml"), &Machine::default()).unwrap();
    let zones = &parsed.config.cameras[0].events.zones;
    let names: Vec<&str> = zones.iter().map(|zone| &*zone.name).collect();
    assert_eq!((names, zones[1].polygon.len()), (vec!["floor", "sofa"], 4), "{copied}");

    browser.click(".save");
    browser.wait(&format!("{SAID}.startsWith('Saved in ')"));
    let file = std::fs::read_to_string(&posed.config).unwrap();
    for kept in ["# My house.", "# the demo clip", "# Where they walk.", "name = \"floor\"   # all of it"] {
        assert!(file.contains(kept), "{kept} is not in\n{file}");
    }
    assert!(file.contains("\n[[camera.zone]]\nname = \"sofa\"\npolygon = [[0.0"), "{file}");
    Subscriber::start(&broker).json("posed/hall/sofa/people", |_| true);
    // The camera restarts, and the page shows it again.
    let seq = browser.value("document.querySelector('[data-camera=hall]').dataset.seq");
    browser.wait(&format!("document.querySelector('[data-camera=hall]')?.dataset.seq !== {seq}"));
    assert!(browser.errors.is_empty(), "{:?}", browser.errors);

    // Somebody edits the file, so the page's next change is refused.
    std::fs::write(&posed.config, file.replace("My house", "Our house")).unwrap();
    browser.click(".delete");
    browser.click(".save");
    browser.wait(&format!("{SAID}.startsWith('Not saved: ') && {SAID}.includes('has changed since')"));
    assert!(std::fs::read_to_string(&posed.config).unwrap().contains("\"sofa\""));
    // It closes only when asked twice, because something would be lost.
    browser.click(".close");
    browser.wait("document.querySelector('.close').textContent === 'Drop changes'");
    browser.click(".close");
    browser.wait("!document.querySelector('.editor') && !document.querySelector('.sketch')");
    browser.errors.retain(|error| !error.contains("409"));
    assert!(browser.errors.is_empty(), "{:?}", browser.errors);
}

#[test]
fn zones_are_edited_by_keyboard_alone() {
    let Some(mut browser) = Browser::start() else { return };
    let (_broker, posed, port) = start("edit = true");
    browser.look(1280, 800, false, "dark");
    open(&mut browser, port);
    browser.tab_to("#edit");
    browser.press("Enter");
    browser.wait("document.querySelectorAll('.shapes button').length === 1");
    browser.tab_to(".add-zone");
    browser.press("Enter");
    browser.wait(&format!("{POINTS} === 4 && document.activeElement.dataset.point === '0'"));
    for _ in 0..3 {
        browser.press("ArrowLeft");
    }
    browser.press_with("ArrowDown", 8);
    let label = "document.activeElement.getAttribute('aria-label')";
    browser.wait(&format!("{label} === 'corner 1 of 4 of zone1: 22 % from the left, 25.1 % from the top'"));
    browser.press("Insert");
    browser.wait(&format!("{POINTS} === 5 && document.activeElement.dataset.point === '1'"));
    browser.press("Tab");
    browser.wait("document.activeElement.dataset.point === '2'");
    browser.press("Delete");
    browser.wait(&format!("{POINTS} === 4 && document.activeElement.dataset.point === '1'"));
    browser.press_with("z", 2);
    browser.wait(&format!("{POINTS} === 5"));
    browser.tab_to(".name");
    browser.fill("rug");
    browser.tab_to(".by");
    browser.press("ArrowDown");
    browser.tab_to(".dwell");
    browser.fill("2.5");
    browser.tab_to(".save");
    browser.press("Enter");
    browser.wait(&format!("{SAID}.startsWith('Saved in ')"));
    let file = std::fs::read_to_string(&posed.config).unwrap();
    let rug = "\n[[camera.zone]]\nname = \"rug\"\npolygon = [[0.22, 0.251], [0.485, 0.251], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]\nby = \"body\"\ndwell_s = 2.5\n";
    assert!(file.ends_with(rug), "{file}");
    // Esc lets go of the zone, and then closes the editor.
    browser.press("Escape");
    browser.press("Escape");
    browser.wait("!document.querySelector('.editor') && document.activeElement.id === 'edit'");
    browser.press("Escape");
    browser.wait("!document.body.classList.contains('large')");
    assert!(browser.errors.is_empty(), "{:?}", browser.errors);
}

#[test]
fn a_line_is_drawn_by_touch_on_a_phone_and_copied() {
    let Some(mut browser) = Browser::start() else { return };
    let (_broker, posed, port) = start("");
    let before = std::fs::read_to_string(&posed.config).unwrap();
    browser.look(360, 740, true, "light");
    browser.open(&format!("http://127.0.0.1:{port}/"));
    browser.wait("document.querySelector('[data-camera=hall]')?.dataset.seq");
    let fits = "document.documentElement.scrollWidth <= 360";
    browser.wait(fits);
    browser.screenshot("phone");
    open(&mut browser, port);
    browser.wait(fits);
    browser.click("#edit");
    browser.wait("document.querySelectorAll('.shapes button').length === 1");
    // Saving is off, and the page says so.
    browser.wait(&format!("{SAID}.startsWith('Saving is off')"));
    assert_eq!(browser.value("document.querySelector('.save').offsetParent === null"), true);
    browser.click(".add-line");
    for (n, end) in [[0.2, 0.9], [0.2, 0.3]].into_iter().enumerate() {
        let at = browser.place(".sketch", end);
        browser.tap(at);
        browser.wait(&format!("{POINTS} === {}", n + 1));
    }
    browser.wait("document.querySelector('.fields legend').textContent === 'Line'");
    browser.wait(fits);
    browser.screenshot("phone-editor");
    browser.click(".turn");
    browser.value("Object.defineProperty(navigator, 'clipboard', { value: undefined })");
    browser.click(".copy");
    browser.wait("document.activeElement.matches('.toml')");
    browser.wait(fits);
    let copied = browser.value("document.activeElement.value").as_str().unwrap().to_owned();
    assert!(copied.contains("[[camera.line]]\nname = \"line1\"\nfrom = [0.2, 0."), "{copied}");
    assert_eq!(std::fs::read_to_string(&posed.config).unwrap(), before);
    assert!(browser.errors.is_empty(), "{:?}", browser.errors);
}
