//! A TCP relay that delays, swallows, resets or refuses what would pass through it.

use crate::common::free_port;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[derive(Default)]
struct Knobs {
    delay_ms: AtomicU64,
    swallows: AtomicBool,
    refuses: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
}

/// Relays until the process ends: the threads wait in system calls.
pub struct Proxy {
    pub port: u16,
    knobs: Arc<Knobs>,
}

impl Proxy {
    pub fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", free_port())).unwrap();
        let own = listener.local_addr().unwrap().port();
        let knobs = Arc::new(Knobs::default());
        let shared = knobs.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if shared.refuses.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let pair = [near, far];
                let keep = pair.iter().map(|socket| socket.try_clone().unwrap());
                shared.sockets.lock().unwrap().extend(keep);
                let [near, far] = pair;
                relay(near.try_clone().unwrap(), far.try_clone().unwrap(), shared.clone());
                relay(far, near, shared.clone());
            }
        });
        Proxy { port: own, knobs }
    }

    /// Every byte arrives this much later.
    pub fn delay(&self, delay: Duration) {
        self.knobs.delay_ms.store(delay.as_millis() as u64, Ordering::SeqCst);
    }

    /// Connections stay open, and nothing passes.
    pub fn swallow(&self, on: bool) {
        self.knobs.swallows.store(on, Ordering::SeqCst);
    }

    /// New connections are closed at once.
    pub fn refuse(&self, on: bool) {
        self.knobs.refuses.store(on, Ordering::SeqCst);
    }

    /// Ends every connection.
    pub fn reset(&self) {
        for socket in self.knobs.sockets.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// Copies one direction on two threads: a delay must not slow the stream down.
fn relay(mut from: TcpStream, mut to: TcpStream, knobs: Arc<Knobs>) {
    let (send, receive) = sync_channel::<(Instant, Vec<u8>)>(4096);
    let shared = knobs.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            let due = Instant::now() + Duration::from_millis(knobs.delay_ms.load(Ordering::SeqCst));
            if send.send((due, buffer[..n].to_vec())).is_err() {
                break;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, bytes) in receive {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if !shared.swallows.load(Ordering::SeqCst) && to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
