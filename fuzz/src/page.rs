//! The page's port, which whoever is in the network may talk to.

use posed::clock::SystemClock;
use posed::http::{CameraCensus, Census, CensusSource, Hub, Options, Server, ZoneKeeper, ZoneRequest};
use posed::telemetry::progress::Progress;
use posed::telemetry::stats::FrameCounts;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

/// The server ends every request earlier.
const PATIENCE: Duration = Duration::from_secs(30);
/// The name of a camera: nobody without the token may learn it.
const CAMERA: &str = "Bl3dr00m";

/// Bytes of a client that does not have the token. It learns nothing of the house, and the next one
/// is still answered.
pub fn http(data: &[u8]) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let answer = ask(data);
    if !answer.is_empty() {
        let status = answer.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
        let status = status.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&answer)));
        let known = [b"200", b"400", b"401", b"403", b"404", b"405", b"414", b"429", b"431"];
        assert!(known.iter().any(|known| *known == status), "{}", String::from_utf8_lossy(&answer));
        let shown = answer.windows(CAMERA.len()).any(|text| text == CAMERA.as_bytes());
        assert!(!shown || data.windows(CAMERA.len()).any(|text| text == CAMERA.as_bytes()));
    }
    if COUNT.fetch_add(1, Ordering::Relaxed).is_multiple_of(64) {
        let health = ask(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        assert!(health.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&health));
    }
}

/// Sends `bytes` and returns what comes back.
fn ask(bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = stream.write_all(bytes);
    // A request that is not whole would be waited for.
    if !bytes.ends_with(b"\r\n\r\n") {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// One server for all inputs.
fn address() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let token = std::env::temp_dir().join(format!("posed-fuzz-token-{}", std::process::id()));
        std::fs::write(&token, format!("{:032x}", fastrand::u128(..))).unwrap();
        let options = Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            token_file: Some(token.clone()),
            hosts: vec!["posed.lan".into()],
            snapshots: true,
            edit: true,
        };
        let progress = Arc::new(Progress::default());
        let hub = Arc::new(Hub::default());
        let (house, clock) = (Arc::new(House), SystemClock::shared());
        let server = Server::start(&options, hub, house.clone(), house, clock, &progress).unwrap();
        std::fs::remove_file(token).unwrap();
        let address = server.address();
        // It runs until the process ends.
        std::mem::forget(server);
        address
    })
}

/// A daemon with one camera.
struct House;

impl ZoneKeeper for House {
    fn take(&self, _: ZoneRequest) -> bool {
        panic!("zones are asked for without the token");
    }
}

impl CensusSource for House {
    fn census(&self) -> Census {
        let camera = CameraCensus {
            name: CAMERA.into(),
            status: "online",
            reason: None,
            since: SystemTime::UNIX_EPOCH,
            decoder: None,
            caps: None,
            attempts: 1,
            decoded_fps: 25.0,
            published_fps: 25.0,
            people: 0,
            age: None,
            counts: FrameCounts::default(),
            shapes: Arc::new([]),
            unsent: [("offline", 0), ("overflow", 0), ("too_long", 0), ("stopped", 0)],
        };
        Census { cameras: vec![camera], ..Census::default() }
    }
}
