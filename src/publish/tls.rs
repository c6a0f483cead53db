//! Certificates: which authorities we trust, and which certificate we show.

use rumqttc::tokio_native_tls::native_tls::{self, Certificate, Identity, Protocol, TlsConnector};
use std::path::{Path, PathBuf};

/// How the broker is verified. Verification cannot be turned off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the only authorities to trust; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// PEM files with our certificate (and its chain) and its key (PKCS#8).
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Errors in certificate files.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(String, #[source] std::io::Error),
    /// The file holds no usable certificate.
    #[error("{0} holds no PEM certificate that can be used: {1}")]
    Authority(String, String),
    /// The files hold no usable certificate with its key.
    #[error(
        "{cert} and {key} cannot be used: {reason} (the key must be unencrypted PKCS#8: openssl pkcs8 -topk8 -nocrypt)"
    )]
    Identity {
        /// File of the certificate.
        cert: String,
        /// File of the key.
        key: String,
        /// The library's message.
        reason: String,
    },
    /// The TLS library reports an error.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] native_tls::Error),
}

impl Tls {
    /// A connector that verifies certificate and host name, with TLS 1.2 or later. Reads the files
    /// each time, so the next connection uses renewed ones.
    ///
    /// # Errors
    /// If a file cannot be read or its content cannot be used.
    pub(super) fn connector(&self) -> Result<TlsConnector, Error> {
        let mut builder = TlsConnector::builder();
        builder.min_protocol_version(Some(Protocol::Tlsv12));
        if let Some(ca) = &self.ca {
            let shown = ca.display().to_string();
            let certificates = match Certificate::stack_from_pem(&read(ca)?) {
                Ok(list) if list.is_empty() => return Err(Error::Authority(shown, "it is empty".into())),
                Ok(list) => list,
                Err(e) => return Err(Error::Authority(shown, e.to_string())),
            };
            // Trust only the named authority, not the system's as well.
            builder.disable_built_in_roots(true);
            for certificate in certificates {
                builder.add_root_certificate(certificate);
            }
        }
        if let Some((cert, key)) = &self.identity {
            let identity = Identity::from_pkcs8(&read(cert)?, &read(key)?).map_err(|e| Error::Identity {
                cert: cert.display().to_string(),
                key: key.display().to_string(),
                reason: e.to_string(),
            })?;
            builder.identity(identity);
        }
        Ok(builder.build()?)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|e| Error::Read(path.display().to_string(), e))
}
