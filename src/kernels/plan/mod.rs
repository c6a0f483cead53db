//! [`Plan`]: steps over maps and vectors in one arena. Building checks and packs them; runs do not
//! check again.

mod builder;
mod compiled;
mod fuse;
mod step;
#[cfg(test)]
mod tests;

pub use builder::PlanBuilder;
pub use step::{MapId, Step, VecId};

use super::arena::{Area, Arena};
use super::ports::{Input, InputPort, Output, OutputPort};
use super::workers::{Attendance, Barrier, Workers};
use super::{Error, Isa};
use compiled::{Compiled, split};

/// Steps that are ready to run. All threads that run the network share one plan.
pub struct Plan {
    isa: Isa,
    areas: Vec<Area>,
    steps: Vec<Compiled>,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    arena_len: usize,
}

/// The memory of one run at a time.
pub struct Workspace(Arena);

/// An arena of which the threads of one run write different parts.
#[derive(Clone, Copy)]
struct Shared(*mut u8);

// SAFETY: `Plan::run` splits the work so that no two threads use the same bytes between barriers.
unsafe impl Sync for Shared {}

impl Plan {
    /// The instruction set that the weights are packed for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Bytes of all maps.
    pub fn arena_len(&self) -> usize {
        self.arena_len
    }

    /// Memory for one run at a time.
    pub fn workspace(&self) -> Workspace {
        Workspace(Arena::new(self.arena_len))
    }

    /// Runs all steps. If there are workers, each step is split over them.
    ///
    /// # Errors
    /// If a buffer does not fit its port, or `workspace` belongs to another plan.
    pub fn run(
        &self,
        workspace: &mut Workspace,
        workers: Option<&mut Workers>,
        inputs: &[Input<'_>],
        outputs: &mut [Output<'_>],
    ) -> Result<(), Error> {
        self.check(workspace, inputs, outputs)?;
        let arena = Shared(workspace.0.as_mut_ptr());
        match workers {
            Some(workers) => {
                let parts = workers.count();
                let barrier = Barrier::new(parts);
                let arena = &arena;
                // SAFETY: checked above; each worker runs its own part.
                workers.run(&|part| unsafe { self.run_part(*arena, inputs, (part, parts), &barrier) });
            }
            // SAFETY: checked above; there is one part.
            None => unsafe { self.run_part(arena, inputs, (0, 1), &Barrier::new(1)) },
        }
        // SAFETY: checked above; all other threads are done.
        unsafe { self.save(arena, outputs) };
        Ok(())
    }

    /// As [`Plan::run`], on this thread alone. When a part of the run is done, `after` gets its
    /// place in [`Plan::labels`].
    ///
    /// # Errors
    /// As [`Plan::run`].
    pub fn run_watched(
        &self,
        workspace: &mut Workspace,
        inputs: &[Input<'_>],
        outputs: &mut [Output<'_>],
        after: &mut dyn FnMut(usize),
    ) -> Result<(), Error> {
        self.check(workspace, inputs, outputs)?;
        let arena = Shared(workspace.0.as_mut_ptr());
        // SAFETY: checked above; there is one part.
        unsafe { self.load(arena, inputs, (0, 1)) };
        after(0);
        for (i, step) in self.steps.iter().enumerate() {
            for phase in 0..step.phases() {
                // SAFETY: there is one thread, so each phase is done before the next.
                unsafe { step.run(arena.0, &self.areas, phase, (0, 1)) };
            }
            after(i + 1);
        }
        // SAFETY: checked above; all steps are done.
        unsafe { self.save(arena, outputs) };
        after(self.steps.len() + 1);
        Ok(())
    }

    /// What [`Plan::run_watched`] does: reads the inputs, runs each step, writes the outputs.
    pub fn labels(&self) -> Vec<String> {
        let steps = self.steps.iter().map(|s| s.label(&self.areas));
        std::iter::once("inputs".into()).chain(steps).chain(std::iter::once("outputs".into())).collect()
    }

    fn check(
        &self,
        workspace: &Workspace,
        inputs: &[Input<'_>],
        outputs: &[Output<'_>],
    ) -> Result<(), Error> {
        let port = |port, what: &str| Err(Error::Port { port, what: what.into() });
        if workspace.0.len() < self.arena_len {
            return port("workspace", "it belongs to another plan");
        }
        if inputs.len() != self.inputs.len() || outputs.len() != self.outputs.len() {
            return port("list of tensors", "it has another length");
        }
        let area = |m: MapId| &self.areas[m.0];
        if self.inputs.iter().zip(inputs).any(|(p, i)| !p.fits(area(p.map()), i)) {
            return port("input", "it has another type or length");
        }
        if self.outputs.iter().zip(outputs).any(|(p, o)| !p.fits(area(p.map()), o)) {
            return port("output", "it has another type or length");
        }
        Ok(())
    }

    /// Reads the `part`th of `parts` of the inputs.
    unsafe fn load(&self, arena: Shared, inputs: &[Input<'_>], (part, parts): (usize, usize)) {
        for (port, input) in self.inputs.iter().zip(inputs) {
            let to = &self.areas[port.map().0];
            let rows = split(to.height, part, parts);
            // SAFETY: the caller checked the buffers; rows of different parts do not meet.
            unsafe {
                port.load(input, arena.0, to, rows.clone());
                to.fill_border(arena.0, rows);
            }
        }
    }

    /// Writes the outputs.
    unsafe fn save(&self, arena: Shared, outputs: &mut [Output<'_>]) {
        for (port, output) in self.outputs.iter().zip(outputs) {
            // SAFETY: the caller checked the buffers, and all steps are done.
            unsafe { port.save(output, arena.0, &self.areas[port.map().0]) };
        }
    }

    unsafe fn run_part(
        &self,
        arena: Shared,
        inputs: &[Input<'_>],
        (part, parts): (usize, usize),
        barrier: &Barrier,
    ) {
        let _attendance = Attendance(barrier);
        // SAFETY: the caller checked the buffers.
        unsafe { self.load(arena, inputs, (part, parts)) };
        if !barrier.wait() {
            return;
        }
        for (i, step) in self.steps.iter().enumerate() {
            // One thread computes all vectors, so two in a row need no barrier between them.
            let alone = step.is_alone() && self.steps.get(i + 1).is_some_and(Compiled::is_alone);
            for phase in 0..step.phases() {
                // SAFETY: the barrier ends each phase before any thread starts the next one.
                unsafe { step.run(arena.0, &self.areas, phase, (part, parts)) };
                if !alone && !barrier.wait() {
                    return;
                }
            }
        }
    }
}
