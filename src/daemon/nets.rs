//! Loads the configuration's models. Workers share the weights; each has buffers of its own.

use crate::clock::SharedClock;
use crate::config::Config;
use crate::detect::Finder;
use crate::infer::{self, NetworkOptions};
use crate::pose::{self, Estimator};
use crate::scene::Nets;

/// Largest number of people in one run of the pose network.
const BATCH: usize = 4;

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model of `[model] pose`.
    #[error("[model] pose cannot be used")]
    Pose(#[source] infer::Error),
    /// The model of `[model] finder`.
    #[error("[model] finder cannot be used")]
    Finder(#[source] infer::Error),
}

/// The networks, loaded.
pub(super) struct Models {
    nets: Nets,
}

impl Models {
    /// Loads the pose network, and the finder if a camera uses it.
    pub(super) fn load(config: &Config, clock: &SharedClock) -> Result<Models, Error> {
        let inference = &config.inference;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = inference.threads.unwrap_or(cores / inference.workers.max(1)).max(1);
        let network = |max_batch| NetworkOptions { kernels: inference.kernels.clone(), threads, max_batch };
        let options = pose::Options { network: network(BATCH), flip_test: false };
        let estimator = Estimator::load(&config.model.pose, &options, clock.clone()).map_err(Error::Pose)?;
        let wanted = config.cameras.iter().any(|camera| camera.finder);
        let finder = wanted
            .then(|| Finder::load(&config.model.finder, &network(1)))
            .transpose()
            .map_err(Error::Finder)?;
        Ok(Models { nets: Nets { estimator, finder } })
    }

    /// The networks of `workers` workers, at least one.
    pub(super) fn for_workers(self, workers: usize) -> Result<Vec<Nets>, Error> {
        let mut all = Vec::with_capacity(workers);
        for _ in 1..workers {
            let finder =
                self.nets.finder.as_ref().map(Finder::try_clone).transpose().map_err(Error::Finder)?;
            all.push(Nets { estimator: self.nets.estimator.try_clone().map_err(Error::Pose)?, finder });
        }
        all.push(self.nets);
        Ok(all)
    }
}
