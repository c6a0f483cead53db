//! Answers: a body, and the headers that every answer carries.

use super::feed::Feed;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Nothing from other sites, nothing inline, no frame around the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// On every answer, also on refusals.
const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// Plain text.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// An answer.
pub(super) type Reply = Response<Content>;

/// What an answer holds.
pub(super) enum Content {
    /// All of it, until it is taken.
    Whole(Option<Bytes>),
    /// Events without an end.
    Feed(Box<Feed>),
}

/// An answer with `body`.
pub(super) fn whole(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Reply {
    reply(status, kind, Content::Whole(Some(body.into())))
}

/// An answer that goes on until the client leaves.
pub(super) fn live(feed: Feed) -> Reply {
    reply(StatusCode::OK, "text/event-stream", Content::Feed(Box::new(feed)))
}

fn reply(status: StatusCode, kind: &'static str, content: Content) -> Reply {
    let mut reply = Response::new(content);
    *reply.status_mut() = status;
    for (name, value) in HEADERS {
        let name = HeaderName::from_static(name);
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Feed(feed) => feed.poll_chunk(cx).map(|chunk| Some(Ok(Frame::data(chunk)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Content::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Content::Feed(_) => SizeHint::default(),
        }
    }
}
