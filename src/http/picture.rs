//! Answers a request for a picture of a camera with a JPEG of its next frame.

use super::hub::Hub;
use super::reply::{Reply, TEXT, whole};
use hyper::StatusCode;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for a camera's next frame.
const PATIENCE: Duration = Duration::from_secs(5);
const JPEG_QUALITY: u8 = 80;

/// The answer to a request for a picture of `camera`.
pub(super) async fn still(hub: Arc<Hub>, camera: String) -> Reply {
    let stills = hub.stills();
    if !stills.allowed() {
        return whole(StatusCode::NOT_FOUND, TEXT, "no pictures: [http] snapshots is false\n");
    }
    let Some(get) = stills.ask(&camera) else {
        return whole(StatusCode::SERVICE_UNAVAILABLE, TEXT, "another picture is being taken\n");
    };
    match timeout(PATIENCE, get).await {
        Ok(Ok(picture)) => match jpeg(&picture) {
            Ok(bytes) => whole(StatusCode::OK, "image/jpeg", bytes),
            Err(e) => whole(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("no picture: {e}\n")),
        },
        _ => whole(StatusCode::SERVICE_UNAVAILABLE, TEXT, "no frame came\n"),
    }
}

fn jpeg(picture: &RgbImage) -> image::ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode_image(picture)?;
    Ok(bytes)
}
