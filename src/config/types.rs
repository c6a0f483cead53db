//! A configuration that has been read and checked: no text is left to be parsed later.

use crate::capture::{Source, Transport};
use crate::geometry::Rotate;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that can be set. Paths are absolute, or relative to where the daemon runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `[mqtt]`
    pub mqtt: Mqtt,
    /// `[model]`
    pub model: Model,
    /// `[inference]`
    pub inference: Inference,
    /// `[pose]`
    pub pose: PoseConfig,
    /// `[[camera]]`, at least one, names unique.
    pub cameras: Vec<CameraConfig>,
    /// `[log]`
    pub log: Log,
}

/// The broker and how to talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    /// `url`: where it is.
    pub url: BrokerUrl,
    /// `client_id`; by default one that is this machine's and this file's alone.
    pub client_id: String,
    /// `username` and password.
    pub login: Option<LoginConfig>,
    /// `prefix` of every topic.
    pub prefix: String,
    /// How the broker is verified; used with `mqtts` only.
    pub tls: TlsConfig,
    /// `keep_alive_s`: the broker announces us gone after one and a half times this.
    pub keep_alive: Duration,
}

/// `mqtt://host:port` or `mqtts://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    /// `mqtts`: TLS, the certificate verified.
    pub tls: bool,
    /// Name or address; an IPv6 address without its brackets.
    pub host: String,
    /// 1883, or 8883 with TLS, unless given.
    pub port: u16,
}

impl std::fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

/// Who we are to the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginConfig {
    /// `username`
    pub username: String,
    /// File with the password (`password_file`, or the file of `password_credential`). It is read
    /// at every connection, so that a mended one is taken up without a restart.
    pub password_file: Option<PathBuf>,
}

/// How the broker's certificate is verified, and which one we show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// `tls_ca`: PEM file of the only authorities to trust; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// `tls_cert` and `tls_key`: PEM files of our certificate and its key (PKCS#8).
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Folders of the networks, each with its `model.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// `pose`: keypoints in a box.
    pub pose: PathBuf,
    /// `finder`: boxes in a frame.
    pub finder: PathBuf,
}

/// How the networks are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inference {
    /// `workers`: frames worked on at a time.
    pub workers: usize,
    /// `threads` that share one inference; `None`: the cores divided among the workers.
    pub threads: Option<usize>,
    /// `kernels` by name; `None`: the best of this processor.
    pub kernels: Option<String>,
}

/// Which poses are published, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct PoseConfig {
    /// `min_score`: poses below are dropped.
    pub min_score: f32,
    /// `keypoint_score`: keypoints below are guesses; they do not count.
    pub keypoint_score: f32,
    /// `min_keypoints`: a pose with fewer keypoints that count is nobody.
    pub min_keypoints: usize,
    /// `smoothing`: which keypoints are published.
    pub smoothing: SmoothingMode,
}

/// Which of a person's keypoints are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmoothingMode {
    /// `true`: smoothed over time.
    Smoothed,
    /// `false`: as seen.
    Raw,
    /// `"both"`: smoothed, and beside them as seen.
    Both,
}

/// One camera.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraConfig {
    /// `name`: a topic level.
    pub name: String,
    /// `source`, with `loop`, `paced`, `username` and `password_file` in it.
    pub source: Source,
    /// `rotate`, clockwise, to make the picture upright.
    pub rotate: Rotate,
    /// `roi` [x, y, w, h], each in 0..=1 of the display frame (after `rotate`); `None`: all of it.
    pub roi: Option<[f32; 4]>,
    /// `max_fps`: frames above this rate are dropped.
    pub max_fps: Option<f64>,
    /// `transport` of RTP.
    pub transport: Transport,
    /// `tls_ca` of `rtsps://`: PEM file of the only authorities to trust; `None`: the system's.
    pub tls_ca: Option<PathBuf>,
    /// `latency_ms`: how long a late packet is waited for.
    pub latency: Duration,
    /// `connect_timeout_ms`: by then there is a frame.
    pub connect_timeout: Duration,
    /// `stall_timeout_ms`: longest silence.
    pub stall_timeout: Duration,
    /// `finder`: whether the person finder looks for people; if not, the region of interest is the
    /// one box.
    pub finder: bool,
    /// `finder_interval_ms`: between looks while there are people or movement.
    pub finder_interval: Duration,
    /// `max_people`: most poses estimated in one frame.
    pub max_people: usize,
    /// `cpu_budget`: most of a worker's time that the camera takes, a share above 0; `None`: all.
    pub cpu_budget: Option<f64>,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// `level`, or a list such as `info,posed::capture=debug`.
    pub level: String,
    /// `format` of the lines.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For the journal where it reads stderr, else plain.
    #[default]
    Auto,
    /// For people.
    Plain,
    /// With priority prefixes.
    Journal,
}
