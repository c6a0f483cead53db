//! The configuration after reading and checking; nothing is left to parse.

use super::{History, Http};
use crate::capture::{Source, Transport};
use crate::events;
use crate::geometry::Rotate;
use crate::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// The whole configuration. Paths are absolute, or relative to the working directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file that it was read from.
    pub file: PathBuf,
    /// Folder for what must outlive a restart; `None` if there is none.
    pub state_dir: Option<PathBuf>,
    /// `[mqtt]`
    pub mqtt: Mqtt,
    /// `[model]`
    pub model: ModelFolders,
    /// `[inference]`
    pub inference: Inference,
    /// `[pose]`
    pub pose: PoseConfig,
    /// `[[camera]]`: at least one, with unique names.
    pub cameras: Vec<CameraConfig>,
    /// `[log]`
    pub log: Log,
    /// `[homeassistant]`; `None` unless enabled.
    pub homeassistant: Option<HomeAssistant>,
    /// `[http]`; `None`: nothing is served.
    pub http: Option<Http>,
    /// `[history]`
    pub history: History,
}

/// Home Assistant, which discovers cameras by MQTT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeAssistant {
    /// `prefix` of Home Assistant's discovery topics.
    pub prefix: String,
}

/// The broker and the connection to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    /// `url` of the broker.
    pub url: BrokerUrl,
    /// `client_id`; the default is unique to this machine and file.
    pub client_id: String,
    /// `username` and password.
    pub login: Option<LoginConfig>,
    /// `prefix` of every topic.
    pub prefix: String,
    /// `retain`: whether the broker keeps retained messages.
    pub retain: bool,
    /// `commands`: whether messages may switch cameras.
    pub commands: bool,
    /// How the broker is verified; only used with `mqtts`.
    pub tls: TlsConfig,
    /// `keep_alive_s`: the broker publishes the last will after 1.5 times this.
    pub keep_alive: Duration,
}

/// `mqtt://host:port` or `mqtts://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    /// `mqtts`: TLS, with a verified certificate.
    pub tls: bool,
    /// Host name or address; an IPv6 address without brackets.
    pub host: String,
    /// Default: 1883, or 8883 with TLS.
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

/// User name and password at the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginConfig {
    /// `username`
    pub username: String,
    /// File with the password (`password_file`, or the file of `password_credential`). It is read
    /// at every connection, so a corrected file needs no restart.
    pub password_file: Option<PathBuf>,
    /// `password`, from an environment variable.
    pub password: Option<Secret>,
}

/// How the broker's certificate is verified, and which one we show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// `tls_ca`: PEM file with the only authorities to trust; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// `tls_cert` and `tls_key`: PEM files with our certificate and its key (PKCS#8).
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Folders of the models, each with a `model.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFolders {
    /// `pose`: estimates keypoints in a box.
    pub pose: PathBuf,
    /// `finder`: finds the boxes of people in a frame.
    pub finder: PathBuf,
}

/// How inference is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inference {
    /// `workers`: frames processed at the same time.
    pub workers: usize,
    /// `threads` that share one inference; `None`: cores divided by workers.
    pub threads: Option<usize>,
    /// `kernels` by name; `None`: the fastest that the processor supports.
    pub kernels: Option<String>,
}

/// Which poses are published, and which of their keypoints.
#[derive(Clone, Debug, PartialEq)]
pub struct PoseConfig {
    /// `min_score`: poses with a lower score are dropped.
    pub min_score: f32,
    /// `keypoint_score`: keypoints with a lower score are not confident.
    pub keypoint_score: f32,
    /// `min_keypoints`: poses with fewer confident keypoints are dropped.
    pub min_keypoints: usize,
    /// `smoothing`: which keypoints are published.
    pub smoothing: SmoothingMode,
}

/// Which of a person's keypoints are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmoothingMode {
    /// `true`: smoothed over time.
    Smoothed,
    /// `false`: as estimated in each frame.
    Raw,
    /// `"both"`: both of these.
    Both,
}

/// One camera.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraConfig {
    /// `name`: a topic level.
    pub name: String,
    /// `source`, including `loop`, `paced`, `username` and `password_file`.
    pub source: Source,
    /// `rotate`: clockwise turn that makes the frame upright.
    pub rotate: Rotate,
    /// `roi` [x, y, w, h], as fractions of the upright frame; `None`: all of it.
    pub roi: Option<[f32; 4]>,
    /// `max_fps`: frames above this rate are dropped.
    pub max_fps: Option<f64>,
    /// `transport` of RTP.
    pub transport: Transport,
    /// `tls_ca` for `rtsps://`: PEM file with the only authorities to trust; `None`: the system's.
    pub tls_ca: Option<PathBuf>,
    /// `latency_ms`: longest wait for a late packet.
    pub latency: Duration,
    /// `connect_timeout_ms`: longest wait for the first frame.
    pub connect_timeout: Duration,
    /// `stall_timeout_ms`: longest wait for the next frame.
    pub stall_timeout: Duration,
    /// `finder`: whether the finder looks for people. If not, the region of interest is the box of
    /// the only person.
    pub finder: bool,
    /// `finder_interval_ms`: time between searches while there are people or motion.
    pub finder_interval: Duration,
    /// `max_people`: most poses that are estimated in one frame.
    pub max_people: usize,
    /// `picture_interval_ms`: how often a still picture is read again.
    pub picture_interval: Duration,
    /// `frame_rate` of a file without timestamps.
    pub frame_rate: Option<f64>,
    /// `[[camera.zone]]`, `[[camera.line]]` and `[[camera.event]]`.
    pub events: events::Options,
    /// `cpu_budget`: share of a worker's time that the camera may use; `None`: all of it.
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
    /// Journal if systemd reads stderr, else plain.
    #[default]
    Auto,
    /// Readable text.
    Plain,
    /// Text with priority prefixes for the journal.
    Journal,
}
