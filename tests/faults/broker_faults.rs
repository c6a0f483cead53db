//! The broker is away, slow, full, or refuses.

use crate::Trial;
use crate::common::{Mosquitto as Broker, Posed, Subscriber, signal, wait_for};
use crate::proxy::Proxy;
use crate::rig::{Config, Connection::*, Rig, Wall::*, listen};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub fn broker_killed(trial: &mut Trial) {
    let broker = Broker::start();
    let config = Config::for_port(broker.port).clip("door").with_events();
    let mut rig = Rig::start(broker, config);
    for _ in 0..trial.rng.usize(1..3) {
        trial.pause(0..500);
        rig.restart(Broker::down, trial.duration(0..1500));
        rig.flows();
    }
    rig.ends_well(Lost, Steady);
}

pub fn broker_paused(trial: &mut Trial) {
    let broker = Broker::start();
    let config = Config::for_port(broker.port).with_events();
    let rig = Rig::start(broker, config);
    trial.pause(0..1000);
    rig.broker.signal("STOP");
    trial.pause(9000..12000);
    rig.broker.signal("CONT");
    rig.ends_well(Lost, Steady);
}

/// mosquitto_sub, which does not read.
struct Deaf(std::process::Child);

impl Drop for Deaf {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn broker_full(trial: &mut Trial) {
    let broker = Broker::with("allow_anonymous true\nmax_queued_messages 100\nmax_inflight_messages 2\n");
    let port = broker.port.to_string();
    let mut command = Command::new("mosquitto_sub");
    command.args(["-p", &port, "-t", "#", "-q", "1"]).stdout(Stdio::null());
    let deaf = Deaf(command.spawn().expect("mosquitto-clients is installed"));
    wait_for("the deaf subscriber", || broker.log().contains("SUBACK").then_some(()));
    let config = Config::for_port(broker.port).clip("door");
    let rig = Rig::start(broker, config);
    signal(deaf.0.id(), "STOP");
    trial.pause(4000..6000);
    rig.ends_well(Held, Steady);
}

fn passwords(broker: &Broker, password: &str) {
    let file = broker.file("passwords", "");
    let done = Command::new("mosquitto_passwd").args(["-b", file.to_str().unwrap(), "u", password]).status();
    assert!(done.unwrap().success());
}

fn as_user(broker: &Broker, name: &str, password: &str) -> Subscriber {
    let mut options = rumqttc::MqttOptions::new(name, "127.0.0.1", broker.port);
    options.set_credentials("u", password);
    Subscriber::with(options)
}

pub fn broker_refuses_login(trial: &mut Trial) {
    let mut broker = Broker::start();
    broker.down();
    passwords(&broker, "right");
    broker.reconfigure("persistence false\nallow_anonymous false\npassword_file {dir}/passwords\n");
    broker.up();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "wrong").unwrap();
    let login = format!("username = \"u\"\npassword_file = \"{}\"\n", file.display());
    let posed = Posed::run(&Config::for_port(broker.port).mqtt(&login).text());
    wait_for("a refusal", || broker.log().contains("not authorised").then_some(()));
    trial.pause(0..2000);
    let subscriber = as_user(&broker, "heard", "right");
    std::fs::write(&file, "right\n").unwrap();
    (0..3).for_each(|_| drop(subscriber.json("posed/hall/poses", |_| true)));
    let (status, log) = posed.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert_eq!(log.matches("refuses the user name or password: correct").count(), 1, "{log}");
}

pub fn broker_forbids_publishing(_: &mut Trial) {
    let mut broker = Broker::start();
    broker.down();
    passwords(&broker, "right");
    broker.file("acl", "user u\ntopic read #\n");
    let acl = "persistence false\nallow_anonymous false\npassword_file {dir}/passwords\nacl_file {dir}/acl\n";
    broker.reconfigure(acl);
    broker.up();
    let password = broker.file("password", "right");
    let login = format!("username = \"u\"\npassword_file = \"{}\"\n", password.display());
    let posed = Posed::run(&Config::for_port(broker.port).mqtt(&login).text());
    wait_for("a message that is denied", || broker.log().contains("Denied PUBLISH").then_some(()));
    std::thread::sleep(Duration::from_secs(8));
    let (status, log) = posed.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    let said = log.to_lowercase();
    assert!(said.contains("acl") || said.contains("publish"), "nobody is told: {log}");
}

pub fn broker_changes_its_rules(trial: &mut Trial) {
    let mut broker = Broker::start();
    broker.down();
    broker.file("acl", "topic #\n");
    broker.reconfigure("allow_anonymous true\nacl_file {dir}/acl\n");
    broker.up();
    let config = Config::for_port(broker.port);
    let rig = Rig::start(broker, config);
    // mosquitto drops what is forbidden without a word, and takes what is longer than allowed as lost.
    for (rules, limit) in
        [("topic #\ntopic deny posed/hall/poses\n", ""), ("topic #\n", "message_size_limit 100\n")]
    {
        let allowed = "allow_anonymous true\nacl_file {dir}/acl\n";
        rig.broker.file("acl", rules);
        rig.broker.reload(&format!("{allowed}{limit}"));
        let before = rig.messages("hall").len();
        trial.pause(2000..4000);
        let after = rig.messages("hall").len();
        assert!(after - before < 8, "{} messages passed {rules}{limit}", after - before);
        rig.broker.file("acl", "topic #\n");
        rig.broker.reload(&format!("{allowed}message_size_limit 0\n"));
        rig.flows();
    }
    rig.ends_well(Lost, Steady);
}

pub fn broker_has_no_room(trial: &mut Trial) {
    let broker = Broker::with("allow_anonymous true\nmax_connections 2\n");
    let (heard, other) = (listen("127.0.0.1", broker.port), listen("127.0.0.1", broker.port));
    let posed = Posed::run(&Config::for_port(broker.port).text());
    trial.pause(4000..7000);
    drop(other);
    (0..3).for_each(|_| drop(heard.json("posed/hall/poses", |_| true)));
    let (status, log) = posed.stop();
    assert_eq!(status.code(), Some(0), "{log}");
}

pub fn broker_limits_packets(_: &mut Trial) {
    let broker = Broker::with("allow_anonymous true\nmax_packet_size 4000\n");
    let heard = listen("127.0.0.1", broker.port);
    let posed = Posed::run(&Config::for_port(broker.port).text());
    // Enough for two attempts with the message that is too long.
    std::thread::sleep(Duration::from_secs(15));
    let poses = heard.messages().iter().filter(|message| message.topic == "posed/hall/poses").count();
    let (status, log) = posed.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(poses >= 10, "{poses} messages in 15 s: {log}");
    assert!(log.contains("posed/schema"), "the message is not named: {log}");
}

pub fn broker_keeps_its_database(trial: &mut Trial) {
    let config = "allow_anonymous true\npersistence true\npersistence_location {dir}/\n";
    let broker = Broker::with(config);
    let config = Config::for_port(broker.port).clip("door").with_events();
    let mut rig = Rig::start(broker, config);
    trial.pause(0..3000);
    rig.restart(Broker::stop, trial.duration(0..3000));
    rig.ends_well(Lost, Steady);
}

pub fn broker_loses_its_database(trial: &mut Trial) {
    let broker = Broker::start();
    let config = Config::for_port(broker.port).clip("door").with_events();
    let mut rig = Rig::start(broker, config);
    trial.pause(0..1000);
    rig.restart(Broker::down, Duration::ZERO);
    rig.flows();
    let late = rig.listen();
    let kept = |topic: &str, text: &str| drop(late.wait(topic, |m| m.retained && m.text().contains(text)));
    kept("posed/schema", "schema");
    // It is published once the new connection is stable, so it may come live.
    late.wait("posed/availability", |m| m.text() == "online");
    kept("posed/hall/state", "\"status\":\"online\"");
    kept("posed/door/state", "\"status\":\"online\"");
    rig.ends_well(Lost, Steady);
}

pub fn broker_replaced(trial: &mut Trial) {
    let broker = Broker::start();
    let config = Config::for_port(broker.port);
    let mut rig = Rig::start(broker, config);
    rig.broker.down();
    let other = wait_for("the port", || TcpListener::bind(("127.0.0.1", rig.broker.port)).ok());
    other.set_nonblocking(true).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let is_over = over.clone();
    let web = std::thread::spawn(move || {
        let mut asked = 0;
        while !is_over.load(Ordering::SeqCst) {
            if let Ok((mut socket, _)) = other.accept() {
                let _ = socket.set_nonblocking(false);
                let _ = socket.read(&mut [0; 512]);
                let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
                asked += 1;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        asked
    });
    trial.pause(2000..4000);
    over.store(true, Ordering::SeqCst);
    assert!(web.join().unwrap() > 0, "it was never asked");
    rig.broker.up();
    rig.ends_well(Lost, Steady);
}

pub fn two_clients_with_one_id(trial: &mut Trial) {
    let broker = Broker::start();
    let config = Config::for_port(broker.port).mqtt("client_id = \"twin\"\n");
    let rig = Rig::start(broker, config.clone());
    let other = config.without("hall").clip("door");
    let second = Posed::run(&other.text());
    rig.listen().json("posed/door/poses", |_| true);
    trial.pause(5000..8000);
    second.stop();
    rig.flows();
    let late = rig.listen();
    let availability = late.until("posed/availability", |_| true);
    let settled =
        availability == "online" || late.until("posed/availability", |word| word == "online") == "online";
    assert!(settled);
    rig.ends_well(Lost, Steady);
}

pub fn broker_retains_nothing(_: &mut Trial) {
    let broker = Broker::with("allow_anonymous true\nretain_available false\n");
    let heard = listen("127.0.0.1", broker.port);
    let posed = Posed::run(&Config::for_port(broker.port).text());
    std::thread::sleep(Duration::from_secs(8));
    let flows = heard.messages().iter().any(|message| message.topic == "posed/hall/poses");
    let (_, log) = posed.stop();
    assert!(flows || log.contains("retain"), "no poses, and no reason: {log}");
}

pub fn broker_says_nothing(trial: &mut Trial) {
    let broker = Broker::start();
    let proxy = Proxy::to(broker.port);
    proxy.swallow(true);
    let heard = listen("127.0.0.1", broker.port);
    let posed = Posed::run(&Config::for_port(proxy.port).text());
    trial.pause(1000..3000);
    proxy.swallow(false);
    (0..3).for_each(|_| drop(heard.json("posed/hall/poses", |_: &Value| true)));
    let (status, log) = posed.stop();
    assert_eq!(status.code(), Some(0), "{log}");
}
