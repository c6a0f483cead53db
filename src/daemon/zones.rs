//! Answers the page's zone editor, on the main thread: what it saves is reloaded there too.

use super::{Daemon, Shared};
use crate::config::Severity;
use crate::config::edit::{self, Error};
use crate::http::{ZoneKeeper, ZoneProblem, ZoneRefusal, ZoneRequest, ZoneSheet};
use std::sync::OnceLock;

/// Hands requests to the thread that answers them; refuses them while there is no such thread.
#[derive(Default)]
pub(super) struct Desk(OnceLock<Box<dyn Fn(ZoneRequest) -> bool + Send + Sync>>);

impl ZoneKeeper for Shared {
    fn take(&self, request: ZoneRequest) -> bool {
        self.zones.0.get().is_some_and(|give| give(request))
    }
}

impl Daemon {
    /// Sets what is called, on the thread `http`, for each request of the editor. It hands the
    /// request to the owner of this daemon, who calls [`Daemon::answer_zones`].
    pub fn on_zones(&self, give: impl Fn(ZoneRequest) -> bool + Send + Sync + 'static) {
        // The first one stays.
        let _ = self.shared.zones.0.set(Box::new(give));
    }

    /// Reads or saves zones. After saving, `reload` puts them in force.
    pub fn answer_zones(
        &mut self,
        request: ZoneRequest,
        reload: impl FnOnce(&mut Daemon) -> Result<(), String>,
    ) {
        let (path, camera) = (&self.file.file, &request.camera);
        let result = match &request.change {
            None => edit::read(path, camera).map_err(refusal),
            Some(change) => match edit::write(path, camera, change) {
                Ok(sheet) => {
                    tracing::info!("zones of {camera} are saved in {}", sheet.file);
                    let note = reload(self).err();
                    note.iter().for_each(|note| tracing::error!("zones: {note}"));
                    Ok(ZoneSheet { note, ..sheet })
                }
                Err(e) => {
                    tracing::warn!("zones of {camera} are not saved: {e}");
                    Err(refusal(e))
                }
            },
        };
        request.answer(result);
    }
}

fn refusal(error: Error) -> ZoneRefusal {
    match error {
        Error::Faults(faults) => {
            let errors = faults.0.into_iter().filter(|fault| fault.severity == Severity::Error);
            let problem = |fault: crate::config::Fault| ZoneProblem {
                key: fault.key,
                line: fault.location.map(|location| location.line),
                reason: fault.reason,
                remedy: fault.remedy,
            };
            ZoneRefusal::Wrong(errors.map(problem).collect())
        }
        Error::NoCamera(camera) => ZoneRefusal::NoCamera(camera),
        Error::Changed(file) => ZoneRefusal::Changed(file),
        error @ Error::InBrackets(..) => ZoneRefusal::Forbidden(error.to_string()),
        error @ Error::Write { .. } if error.is_forbidden() => ZoneRefusal::Forbidden(error.to_string()),
        error @ Error::Write { .. } => ZoneRefusal::Failed(error.to_string()),
    }
}
