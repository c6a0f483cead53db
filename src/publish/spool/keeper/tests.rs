use super::*;
use crate::clock::FakeClock;
use std::path::Path;
use std::time::Instant;

/// A broker that takes messages of one connection and acknowledges them when the test says so.
#[derive(Default)]
struct FakeBroker {
    connection: Mutex<u64>,
    taken: Mutex<Vec<(u64, String)>>,
}

impl Outlet for FakeBroker {
    fn offer(&self, connection: u64, seq: u64, _topic: &str, payload: &[u8]) -> bool {
        let accepts = *self.connection.lock().unwrap() == connection;
        if accepts {
            self.taken.lock().unwrap().push((seq, String::from_utf8(payload.to_vec()).unwrap()));
        }
        accepts
    }
}

impl FakeBroker {
    fn connect(&self, connection: u64, keeper: &Keeper) {
        *self.connection.lock().unwrap() = connection;
        self.taken.lock().unwrap().clear();
        keeper.acks().connected(connection);
    }

    /// Waits until `count` messages were taken on this connection.
    #[allow(clippy::disallowed_methods, reason = "the test waits for another thread")]
    fn wait(&self, count: usize) -> Vec<(u64, String)> {
        let began = Instant::now();
        loop {
            let taken = self.taken.lock().unwrap().clone();
            if taken.len() >= count {
                return taken;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{count} messages, but there are {taken:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn start(dir: &Path, broker: &Arc<FakeBroker>) -> Keeper {
    let clock = Arc::new(FakeClock::default());
    let progress = Progress::default();
    Keeper::start(Some(dir.to_owned()), Limits::default(), broker.clone(), clock, &progress).unwrap()
}

fn stop(keeper: &Keeper) {
    keeper.stop(Duration::from_secs(30));
}

fn texts(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|n| format!("event {n}")).collect()
}

#[test]
fn messages_wait_for_the_broker_and_arrive_in_order_over_connections_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Arc::new(FakeBroker::default());
    let keeper = start(dir.path(), &broker);
    (0..40).for_each(|n| keeper.push("posed/hall/events", format!("event {n}").as_bytes(), n % 10 == 0));
    broker.connect(1, &keeper);
    let first = broker.wait(IN_FLIGHT);
    assert_eq!(first.len(), IN_FLIGHT, "no more than this is sent without an acknowledgement");
    first[..5].iter().for_each(|(seq, _)| keeper.acks().acknowledged(1, *seq));
    assert_eq!(broker.wait(IN_FLIGHT + 5).len(), IN_FLIGHT + 5);
    // A second connection starts at the first message without an acknowledgement.
    broker.connect(2, &keeper);
    let again = broker.wait(IN_FLIGHT);
    keeper.acks().acknowledged(1, again[0].0);
    assert_eq!(again.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>(), texts(5..21));
    stop(&keeper);
    assert_eq!(keeper.stats().0.waiting, 35, "an acknowledgement on an old connection does not count");

    let keeper = start(dir.path(), &broker);
    broker.connect(3, &keeper);
    let mut heard = Vec::new();
    while heard.len() < 35 {
        let taken = broker.wait(heard.len() + 1);
        taken[heard.len()..].iter().for_each(|(seq, _)| keeper.acks().acknowledged(3, *seq));
        heard = taken;
    }
    assert_eq!(heard.into_iter().map(|(_, text)| text).collect::<Vec<_>>(), texts(5..40));
    stop(&keeper);
    assert_eq!(keeper.stats().0.waiting, 0);
}

#[test]
fn without_a_usable_folder_messages_are_delivered_and_the_fault_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let broker = Arc::new(FakeBroker::default());
    let keeper = start(&file.path().join("spool"), &broker);
    keeper.push("posed/hall/events", b"event 0", true);
    broker.connect(1, &keeper);
    assert_eq!(broker.wait(1)[0].1, "event 0");
    stop(&keeper);
    assert!(keeper.stats().1.is_some(), "the fault is told");
}

#[test]
fn a_message_after_the_stop_is_counted_as_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = start(dir.path(), &Arc::default());
    stop(&keeper);
    keeper.push("posed/hall/events", b"late", false);
    assert_eq!(keeper.stats().0.dropped_size, 1);
}
