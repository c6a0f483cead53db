//! Answers the page's editor: `GET /zones` reads, `POST /zones` saves.

use super::reply::{Reply, whole};
use super::zones::{ZoneChange, ZoneKeeper, ZoneRefusal, ZoneRequest, ZoneSheet};
use hyper::StatusCode;
use hyper::body::{Body, Bytes};
use serde::Serialize;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Longest body. The 64 zones and lines that a camera may have need far less.
pub(super) const MOST_BYTES: usize = 64 * 1024;
/// Longest wait for the daemon. A reload stops and starts a camera, which takes a second or two.
const PATIENCE: Duration = Duration::from_secs(8);
const JSON: &str = "application/json";

/// A request for `/zones` that may be answered.
pub(super) struct Ask {
    pub(super) keeper: Arc<dyn ZoneKeeper>,
    pub(super) camera: String,
    /// Its body holds a change.
    pub(super) saves: bool,
    /// Whether the page may save at all.
    pub(super) edit: bool,
}

#[derive(Serialize)]
struct Sheet<'a> {
    /// Whether the page shows a button to save.
    edit: bool,
    #[serde(flatten)]
    sheet: &'a ZoneSheet,
}

impl Ask {
    pub(super) async fn reply<B: Body<Data = Bytes> + Unpin>(self, body: B) -> Reply {
        let change = if self.saves { read(body).await.map(Some) } else { Ok(None) };
        let change = match change {
            Ok(change) => change,
            Err((status, text)) => return error(status, &text, &ZoneRefusal::Wrong(Vec::new())),
        };
        let busy = || {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            error(status, "the daemon is busy: try again", &ZoneRefusal::Wrong(Vec::new()))
        };
        let (request, answer) = ZoneRequest::new(self.camera, change);
        if !self.keeper.take(request) {
            return busy();
        }
        match timeout(PATIENCE, answer).await {
            Ok(Ok(Ok(sheet))) => json(StatusCode::OK, &Sheet { edit: self.edit, sheet: &sheet }),
            Ok(Ok(Err(refusal))) => error(status(&refusal), &refusal.to_string(), &refusal),
            _ => busy(),
        }
    }
}

async fn read<B: Body<Data = Bytes> + Unpin>(mut body: B) -> Result<ZoneChange, (StatusCode, String)> {
    let too_long = || {
        let text = format!("a change has at most {MOST_BYTES} bytes");
        Err((StatusCode::PAYLOAD_TOO_LARGE, text))
    };
    let mut bytes = Vec::new();
    if body.size_hint().lower() > MOST_BYTES as u64 {
        return too_long();
    }
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let broken = |_| (StatusCode::BAD_REQUEST, "the body is not whole".to_owned());
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        if bytes.len() + data.len() > MOST_BYTES {
            return too_long();
        }
        bytes.extend_from_slice(&data);
    }
    serde_json::from_slice(&bytes).map_err(|e| (StatusCode::BAD_REQUEST, format!("the body is wrong: {e}")))
}

fn status(refusal: &ZoneRefusal) -> StatusCode {
    match refusal {
        ZoneRefusal::NoCamera(_) => StatusCode::NOT_FOUND,
        ZoneRefusal::Changed(_) => StatusCode::CONFLICT,
        ZoneRefusal::Wrong(_) => StatusCode::UNPROCESSABLE_ENTITY,
        ZoneRefusal::Forbidden(_) => StatusCode::FORBIDDEN,
        ZoneRefusal::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn error(status: StatusCode, text: &str, refusal: &ZoneRefusal) -> Reply {
    let problems: &[_] = if let ZoneRefusal::Wrong(problems) = refusal { problems } else { &[] };
    json(status, &serde_json::json!({ "error": text, "problems": problems }))
}

fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    // Maps with text keys and finite numbers always serialize.
    whole(status, JSON, serde_json::to_vec(value).unwrap_or_default())
}
