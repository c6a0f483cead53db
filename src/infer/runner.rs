//! [`Runner`]: the memory and threads of one network instance, and how a batch runs on them.

use super::error::Error;
use super::load::Engine;
use crate::kernels::{Input, Output, Plan, Workers, Workspace};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use tract_core::internal::*;

/// What one instance of a network owns.
pub(super) enum Runner {
    /// For a plan of our kernels.
    Ours(Team),
    /// For a graph that tract runs.
    Tract(Box<TypedSimpleState>),
}

/// Threads, and the memory of each.
pub(super) struct Team {
    workers: Workers,
    /// One for each thread; only that thread locks it.
    workspaces: Vec<Mutex<Workspace>>,
}

impl Runner {
    pub fn new(engine: &Engine, threads: usize) -> Result<Runner, Error> {
        Ok(match engine {
            Engine::Ours(plan) => Runner::Ours(Team {
                workers: Workers::new(threads).map_err(Error::Threads)?,
                workspaces: (0..threads).map(|_| Mutex::new(plan.workspace())).collect(),
            }),
            Engine::Tract(plan) => {
                Runner::Tract(Box::new(plan.spawn().map_err(|e| Error::Run(format!("{e:#}")))?))
            }
        })
    }

    /// Threads that share one run.
    pub fn threads(&self) -> usize {
        match self {
            Runner::Ours(team) => team.workers.count(),
            Runner::Tract(_) => 1,
        }
    }
}

impl Team {
    /// Runs `crops` (u8 `[n, H, W, 3]`, `len` bytes each) to `output` (`out_len` floats each).
    ///
    /// First each thread takes whole crops. All threads then share the work of each crop that
    /// remains.
    pub fn run(
        &mut self,
        plan: &Plan,
        crops: &[u8],
        len: usize,
        output: &mut [f32],
        out_len: usize,
    ) -> Result<(), Error> {
        let threads = self.workers.count();
        let each = if threads > 1 { crops.len() / len / threads * threads } else { 0 };
        let (whole, rest) = crops.split_at(each * len);
        let (whole_out, rest_out) = output.split_at_mut(each * out_len);
        if each > 0 {
            self.run_one_crop_a_thread(
                plan,
                whole.chunks_exact(len).zip(whole_out.chunks_exact_mut(out_len)),
            )?;
        }
        let workspace = self.workspaces[0].get_mut().unwrap_or_else(PoisonError::into_inner);
        for (crop, out) in rest.chunks_exact(len).zip(rest_out.chunks_exact_mut(out_len)) {
            let workers = (threads > 1).then_some(&mut self.workers);
            plan.run(workspace, workers, &[Input::Bytes(crop)], &mut [Output::Floats(out)])
                .map_err(run_error)?;
        }
        Ok(())
    }

    /// Runs crops to outputs; each thread takes the next crop when it has finished one.
    fn run_one_crop_a_thread<'a>(
        &mut self,
        plan: &Plan,
        work: impl Iterator<Item = (&'a [u8], &'a mut [f32])> + Send,
    ) -> Result<(), Error> {
        let (work, outcome) = (Mutex::new(work), Mutex::new(Ok(())));
        let workspaces = &self.workspaces;
        self.workers.run(&|i| {
            let mut workspace = workspaces[i].lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                let next = work.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((crop, out)) = next else { break };
                let ran = plan.run(&mut workspace, None, &[Input::Bytes(crop)], &mut [Output::Floats(out)]);
                if let Err(e) = ran {
                    *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Err(e);
                }
            }
        });
        outcome.into_inner().unwrap_or_else(PoisonError::into_inner).map_err(run_error)
    }

    /// Runs one crop on the calling thread; `after` gets the number of each step when it is done.
    pub fn run_watched(
        &mut self,
        plan: &Plan,
        crop: &[u8],
        output: &mut [f32],
        after: &mut dyn FnMut(usize),
    ) -> Result<(), Error> {
        let workspace = self.workspaces[0].get_mut().unwrap_or_else(PoisonError::into_inner);
        plan.run_watched(workspace, &[Input::Bytes(crop)], &mut [Output::Floats(output)], after)
            .map_err(run_error)
    }
}

/// Runs one crop (f32 `[3, H, W]`) to `output` in tract.
pub(super) fn run_tract(
    state: &mut TypedSimpleState,
    crop: &[f32],
    [height, width]: [usize; 2],
    output: &mut [f32],
) -> Result<(), Error> {
    let run = || -> TractResult<()> {
        let x = Tensor::from_shape(&[1, 3, height, width], crop)?;
        let y = state.run(tvec!(x.into()))?;
        let y = y.first().context("no output")?.try_as_plain_ram()?;
        let y = y.as_slice::<f32>()?;
        ensure!(y.len() == output.len(), "the output has {} values, not {}", y.len(), output.len());
        output.copy_from_slice(y);
        Ok(())
    };
    // A damaged file can violate tract's assertions. That must fail this run, not the process.
    let ran = catch_unwind(AssertUnwindSafe(run));
    let ran = ran.unwrap_or_else(|_| Err(format_err!("an operator panicked")));
    ran.map_err(|e| Error::Run(format!("{e:#}")))
}

fn run_error(e: crate::kernels::Error) -> Error {
    Error::Run(e.to_string())
}
