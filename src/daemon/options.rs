//! Options of the scene, from the configuration. Stages never see the configuration itself.

use crate::config::{CameraConfig, Config};
use crate::detect::due;
use crate::scene;
use crate::track::{self, Smoothing};

/// Options for the scene of `camera`.
pub fn scene(camera: &CameraConfig, config: &Config) -> scene::Options {
    scene::Options {
        rotate: camera.rotate,
        roi: camera.roi,
        finder: camera.finder,
        max_people: camera.max_people,
        search: due::Options { interval: camera.finder_interval, ..due::Options::default() },
        track: track::Options {
            min_score: config.pose.min_score,
            keypoint_score: config.pose.keypoint_score,
            min_keypoints: config.pose.min_keypoints,
            smoothing: Smoothing::default(),
            ..track::Options::default()
        },
        events: camera.events.clone(),
    }
}
