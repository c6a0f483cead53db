//! [`NetworkOptions`]: how to run a network, and which kernels that means on this processor.

use super::error::Error;
use crate::kernels::Isa;

/// The kernel name that leaves the whole network to tract, as a baseline for comparison.
pub(super) const TRACT: &str = "tract";

/// How to run a network.
#[derive(Debug, Clone, Default)]
pub struct NetworkOptions {
    /// Kernels to use: `generic`, `avx2`..., or `tract` to use none of ours. `None` takes
    /// `POSED_KERNELS`, or the best of this processor if that is unset or empty.
    pub kernels: Option<String>,
    /// Threads that share the work of one [`super::Network::run`]; 0 means 1.
    pub threads: usize,
    /// Largest number of crops in one [`super::Network::run`]; 0 means 1.
    pub max_batch: usize,
}

impl NetworkOptions {
    /// The kernels that `kernels` or `POSED_KERNELS` names.
    fn named(&self) -> Option<String> {
        let from_env = || std::env::var("POSED_KERNELS").ok().filter(|s| !s.is_empty());
        self.kernels.clone().or_else(from_env)
    }

    /// The kernels that the cropper may not exceed; `None` if none of ours is named.
    pub(super) fn limit(&self) -> Option<Isa> {
        Isa::named(&self.named()?)
    }

    /// The kernels to use; `None` if tract runs the whole network.
    pub(super) fn isa(&self) -> Result<Option<Isa>, Error> {
        let Some(asked) = self.named() else { return Ok(Some(Isa::best())) };
        if asked == TRACT {
            return Ok(None);
        }
        Isa::named(&asked).map(Some).ok_or_else(|| {
            let have: Vec<&str> = Isa::available().into_iter().map(Isa::name).chain([TRACT]).collect();
            Error::Kernels { asked, have: have.join(", ") }
        })
    }
}
