//! Turns sections of the configuration into options of the stages.

use super::{CameraConfig, Config, LogFormat, Mqtt};
use crate::telemetry::log;
use crate::{capture, publish};

impl CameraConfig {
    /// Options for the capture of this camera.
    pub fn capture(&self) -> capture::Options {
        capture::Options {
            max_fps: self.max_fps,
            transport: self.transport,
            tls_ca: self.tls_ca.clone(),
            latency: self.latency,
            connect_timeout: self.connect_timeout,
            stall_timeout: self.stall_timeout,
            picture_interval: self.picture_interval,
            frame_rate: self.frame_rate,
            ..capture::Options::new(self.name.clone(), self.source.clone())
        }
    }
}

impl Config {
    /// Options for the daemon's publisher, with its state folder and a spool.
    ///
    /// # Errors
    /// As [`Mqtt::publisher`].
    pub fn publisher(&self) -> Result<publish::Options, publish::Error> {
        let spool = Some(publish::spool::Limits::default());
        Ok(publish::Options { state_dir: self.state_dir.clone(), spool, ..self.mqtt.publisher()? })
    }
}

impl Mqtt {
    /// Names of the topics.
    pub fn topics(&self) -> publish::Topics {
        publish::Topics::new(self.prefix.clone())
    }

    /// Options for the publisher.
    ///
    /// # Errors
    /// If [`publish::Options::check`] fails, such as for a file without a certificate.
    pub fn publisher(&self) -> Result<publish::Options, publish::Error> {
        let url = &self.url;
        let tls = publish::Tls { ca: self.tls.ca.clone(), identity: self.tls.identity.clone() };
        let login = self.login.clone().map(|login| publish::Login {
            username: login.username,
            password_file: login.password_file,
            password: login.password,
        });
        let options = publish::Options {
            tls: url.tls.then_some(tls),
            login,
            topics: self.topics(),
            retain: self.retain,
            keep_alive: self.keep_alive,
            ..publish::Options::new(url.host.clone(), url.port, self.client_id.clone())
        };
        options.check()?;
        Ok(options)
    }
}

impl From<LogFormat> for log::Format {
    fn from(format: LogFormat) -> log::Format {
        match format {
            LogFormat::Auto => log::Format::Auto,
            LogFormat::Plain => log::Format::Plain,
            LogFormat::Journal => log::Format::Journal,
        }
    }
}
