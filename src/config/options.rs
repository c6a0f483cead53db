//! Turns sections of the configuration into options of the stages.

use super::{CameraConfig, LogFormat, Mqtt};
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
            ..capture::Options::new(self.name.clone(), self.source.clone())
        }
    }
}

impl Mqtt {
    /// Options for the publisher.
    ///
    /// # Errors
    /// If [`publish::Options::check`] fails, such as for a file without a certificate.
    pub fn publisher(&self) -> Result<publish::Options, publish::Error> {
        let url = &self.url;
        let tls = publish::Tls { ca: self.tls.ca.clone(), identity: self.tls.identity.clone() };
        let login = self
            .login
            .clone()
            .map(|login| publish::Login { username: login.username, password_file: login.password_file });
        let options = publish::Options {
            tls: url.tls.then_some(tls),
            login,
            prefix: self.prefix.clone(),
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
