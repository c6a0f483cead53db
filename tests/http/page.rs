//! The page in a real browser, fed by the real daemon with the demo clip.

use crate::TOKEN;
use crate::browser::Browser;
use crate::common::{Mosquitto, Posed, Subscriber, clip, config, free_port, root};
use serde_json::json;

/// Two cameras: the demo clip, and an address at which nothing is.
fn house(broker: &Mosquitto, http: &str) -> String {
    let finder = root().join("models/person-320x192");
    let pose = config(broker, "");
    let clip = clip();
    format!(
        "{pose}finder = \"{}\"\n[http]\n{http}\n\
         [[camera]]\nname = \"hall\"\nsource = \"file://{}\"\nloop = true\n\
         [[camera.zone]]\nname = \"floor\"\npolygon = [[0.3, 0.1], [0.99, 0.1], [0.99, 0.99], [0.3, 0.99]]\n\
         [[camera]]\nname = \"yard\"\nsource = \"rtsp://127.0.0.1:1/none\"\n",
        finder.display(),
        clip.display()
    )
}

const HALL: &str = "document.querySelector('[data-camera=hall]')";
const SUMMARY: &str = "document.getElementById('summary').textContent";

/// Pixels of the hall's canvas that are drawn on.
const DRAWN: &str = "(() => { const c = document.querySelector('[data-camera=hall] canvas'); \
    return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v > 0).length })()";

#[test]
fn the_page_shows_moving_skeletons_and_comes_back_after_a_restart() {
    let Some(mut browser) = Browser::start() else { return };
    let broker = Mosquitto::start();
    let port = free_port();
    let text = house(&broker, &format!("listen = \"127.0.0.1:{port}\""));
    let posed = Posed::run(&text);
    crate::common::wait_for("the port", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    browser.look(1280, 800, false, "light");
    // The camera plays before the page opens, as in a house.
    Subscriber::start(&broker).json("posed/hall/poses", |message| message["people"][0].is_object());
    let watch = "(function look() { const people = document.querySelector('[data-camera=hall] .people'); \
        if (document.querySelector('[data-camera=hall]')?.dataset.seq && Number(people.textContent) > 0) \
        window.firstSkeleton = performance.now(); else requestAnimationFrame(look) })()";
    browser.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": watch }));
    browser.open(&format!("http://127.0.0.1:{port}/"));

    // Skeletons move and numbers change.
    browser.wait("window.firstSkeleton");
    let first = browser.value("window.firstSkeleton").as_f64().unwrap();
    eprintln!("the first skeleton is there {first:.0} ms after the page was opened");
    browser.wait(&format!("{HALL}?.dataset.seq && {DRAWN} > 500"));
    let picture = format!("{HALL}.querySelector('canvas').toDataURL()");
    let before = browser.value(&picture).to_string();
    browser.wait(&format!("{picture} !== {before}"));
    browser.wait(&format!("Number({HALL}.querySelector('.rate').textContent) > 0"));
    browser.wait(&format!("{HALL}.querySelector('.age').textContent.endsWith('ms')"));
    browser.wait("document.querySelector('[data-camera=yard] .word').textContent === 'failed'");
    browser.wait("document.querySelector('[data-camera=yard] .reason').textContent.length > 0");
    browser.wait(&format!("{SUMMARY} === '1 of 2 cameras online, broker connected'"));
    browser.wait(&format!("{HALL}.querySelector('canvas').ariaLabel.startsWith('hall: ')"));
    browser.wait(&format!("Number({HALL}.querySelector('.people').textContent) === 2"));
    browser.wait("document.getElementById('events').textContent.includes('zone floor entered')");
    browser.screenshot("desktop");

    // By keyboard: one camera large, and back.
    browser.value(&format!("{HALL}.querySelector('.open').focus()"));
    browser.press("ArrowRight");
    browser.wait("document.activeElement.textContent === 'yard'");
    browser.value(&format!("{HALL}.querySelector('.open').focus()"));
    browser.press("Enter");
    browser.wait("document.body.classList.contains('large') && location.hash === '#camera=hall'");
    browser.wait(&format!("{HALL}.querySelector('.open').ariaExpanded === 'true'"));
    browser.wait(&format!("{HALL}.querySelector('canvas').width > 700 && {DRAWN} > 500"));
    browser.screenshot("large");
    browser.press("Escape");
    browser.wait("!document.body.classList.contains('large') && location.hash === ''");

    // On a phone, and in the dark. Nothing is wider than the screen.
    browser.look(390, 844, true, "dark");
    browser.wait("document.documentElement.scrollWidth <= 390");
    browser.wait("parseInt(getComputedStyle(document.body).backgroundColor.slice(4)) < 64");
    let seq = browser.value(&format!("{HALL}.dataset.seq"));
    browser.wait(&format!("{HALL}.dataset.seq !== {seq} && {DRAWN} > 500"));
    browser.screenshot("phone-dark");
    browser.look(1280, 800, false, "dark");
    browser.wait(&format!("{DRAWN} > 500"));
    browser.screenshot("dark");
    assert!(browser.errors.is_empty(), "{:?}", browser.errors);

    // The daemon restarts.
    let (status, log) = posed.stop();
    assert!(status.success(), "{log}");
    browser.wait(&format!("{SUMMARY}.startsWith('Connection lost')"));
    browser.value(&format!("delete {HALL}.dataset.seq"));
    let posed = Posed::run(&text);
    browser.wait(&format!("{HALL}?.dataset.seq && {SUMMARY}.startsWith('1 of 2')"));
    // Failed attempts in between are the browser's to report.
    browser.errors.retain(|error| !error.contains("net::ERR_"));
    assert!(browser.errors.is_empty(), "{:?}", browser.errors);
    drop(posed);
}

#[test]
fn an_address_for_others_shows_the_page_only_with_the_token() {
    let Some(mut browser) = Browser::start() else { return };
    let broker = Mosquitto::start();
    let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
    let token = dir.path().join("token");
    std::fs::write(&token, TOKEN).unwrap();
    let token = token.display();
    let http = format!("listen = \"0.0.0.0:{port}\"\ntoken_file = \"{token}\"\nsnapshots = true");
    let _posed = Posed::run(&house(&broker, &http));
    crate::common::wait_for("the port", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    let url = format!("http://127.0.0.1:{port}/");
    browser.open(&url);
    browser.wait("document.body && !document.getElementById('cameras')");
    browser.call(
        "Network.setExtraHTTPHeaders",
        json!({ "headers": { "Authorization": format!("Bearer {TOKEN}") } }),
    );
    browser.open(&url);
    browser.wait(&format!("{HALL}?.dataset.seq"));

    // Pictures are allowed here, and shown when somebody asks.
    assert_eq!(browser.value(&format!("{HALL}.querySelector('.still').hidden")), true);
    browser.value(&format!("{HALL}.querySelector('.open').click()"));
    browser.wait("document.getElementById('picture').offsetParent !== null");
    browser.value("document.getElementById('picture').click()");
    browser.wait(&format!("{HALL}.querySelector('.still').naturalWidth === 1280"));
    browser.screenshot("picture");
    browser.press("Escape");
    browser.wait(&format!("{HALL}.querySelector('.still').hidden"));
}
