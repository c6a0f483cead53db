//! The thread `http`: accepts connections, bounds their number and their time.

use super::io::Io;
use super::reply::Content;
use super::routes::Context;
use crate::telemetry::progress::Beat;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::{select, time};

/// Connections that may be open at once; more are closed without an answer.
const MOST_CONNECTIONS: usize = 64;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 128;
/// A request and its answer take no longer, but for a feed.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// Poses in the kernel's buffer grow old.
const SEND_BUFFER_BYTES: u32 = 64 * 1024;
/// Longest head of a request, and what hyper holds of an answer.
const BUFFER_BYTES: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
/// Pause after the system refused to accept, such as for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Interval of the signs of life.
const PULSE: Duration = Duration::from_secs(1);
/// Time that the runtime gets to shut down.
const RUNTIME_END: Duration = Duration::from_millis(100);

/// Opens the port. Needs a runtime's context.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restarted daemon gets its port although old connections still linger.
    socket.set_reuseaddr(true)?;
    // Accepted connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Answers until `stop` is notified.
pub(super) fn run(
    runtime: Runtime,
    listener: TcpListener,
    context: Arc<Context>,
    stop: &Notify,
    beat: &Beat,
) {
    runtime.block_on(async {
        select! {
            () = stop.notified() => {}
            () = accept(&listener, &context) => {}
            () = pulse(beat) => {}
        }
    });
    beat.idle();
    runtime.shutdown_timeout(RUNTIME_END);
}

async fn pulse(beat: &Beat) {
    loop {
        beat.busy();
        time::sleep(PULSE).await;
    }
}

async fn accept(listener: &TcpListener, context: &Arc<Context>) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => match Open::new(context) {
                Some(open) => drop(tokio::spawn(connection(stream, from.ip(), open))),
                None => {
                    context.counts.crowded.fetch_add(1, Ordering::Relaxed);
                }
            },
            Err(e) => {
                tracing::debug!("http: cannot accept: {e}");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// An open connection; it is counted until it is dropped.
struct Open(Arc<Context>);

impl Open {
    /// `None` if too many are open.
    fn new(context: &Arc<Context>) -> Option<Open> {
        // Only this thread opens connections, so the number cannot grow in between.
        if context.counts.open.load(Ordering::Relaxed) >= MOST_CONNECTIONS {
            return None;
        }
        context.counts.open.fetch_add(1, Ordering::Relaxed);
        Some(Open(context.clone()))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.counts.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers one request. A second one takes another connection, so idle clients hold none.
async fn connection(stream: TcpStream, from: IpAddr, open: Open) {
    let _ = stream.set_nodelay(true);
    let is_feed = AtomicBool::new(false);
    let service = service_fn(|request: Request<Incoming>| {
        let (answer, is_feed) = (open.0.answer(&request, from), &is_feed);
        async move {
            let reply = answer.reply(request.into_body()).await;
            is_feed.store(matches!(reply.body(), Content::Feed(_)), Ordering::Relaxed);
            Ok::<_, Infallible>(reply)
        }
    });
    let served = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(BUFFER_BYTES)
        .max_headers(MOST_HEADERS)
        .header_read_timeout(None)
        .serve_connection(Io::new(stream), service);
    let mut served = pin!(served);
    let ended = select! {
        ended = &mut served => ended,
        () = time::sleep(REQUEST_LIMIT) => {
            if !is_feed.load(Ordering::Relaxed) {
                return;
            }
            served.await
        }
    };
    if let Err(e) = ended {
        tracing::debug!("http: {from}: {e}");
    }
}
