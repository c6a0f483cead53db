//! [`Plan`]: steps over maps and vectors in one arena, checked and packed once, then run without checks.

mod builder;
mod compiled;
mod fuse;
mod step;

pub use builder::PlanBuilder;
pub use step::{MapId, Step, VecId};

use super::arena::{Area, Arena};
use super::ports::{Input, InputPort, Output, OutputPort};
use super::workers::{Attendance, Barrier, Workers};
use super::{Error, Isa};
use compiled::{Compiled, split};

/// Steps ready to run; shared by all threads that run the network.
pub struct Plan {
    isa: Isa,
    areas: Vec<Area>,
    steps: Vec<Compiled>,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    arena_len: usize,
}

/// The memory of one inference at a time.
pub struct Workspace(Arena);

/// An arena that the threads of one run write different parts of.
#[derive(Clone, Copy)]
struct Shared(*mut u8);

// SAFETY: `Plan::run` splits the work so that threads never touch the same bytes between barriers.
unsafe impl Sync for Shared {}

impl Plan {
    /// The kernels that the weights are packed for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Bytes of an inference's maps.
    pub fn arena_len(&self) -> usize {
        self.arena_len
    }

    /// Memory for one run at a time.
    pub fn workspace(&self) -> Workspace {
        Workspace(Arena::new(self.arena_len))
    }

    /// Runs all steps, splitting each over the workers if there are any.
    ///
    /// # Errors
    /// When a buffer is not what its port takes, or `workspace` is another plan's.
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
        // SAFETY: checked above; no other thread runs any more.
        unsafe { self.save(arena, outputs) };
        Ok(())
    }

    /// As [`Plan::run`] on this thread alone; `after` hears of each step when it is done (0: the inputs
    /// are read, then the steps in [`Plan::labels`]' order, last: the outputs are written).
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

    /// What [`Plan::run_watched`] goes through: what is done and the maps' shapes.
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
            return port("workspace", "it is another plan's");
        }
        if inputs.len() != self.inputs.len() || outputs.len() != self.outputs.len() {
            return port("list of tensors", "another number of them");
        }
        let area = |m: MapId| &self.areas[m.0];
        if self.inputs.iter().zip(inputs).any(|(p, i)| !p.fits(area(p.map()), i)) {
            return port("input", "another type or length");
        }
        if self.outputs.iter().zip(outputs).any(|(p, o)| !p.fits(area(p.map()), o)) {
            return port("output", "another type or length");
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
            // One thread computes all vectors: between two of them nobody has to wait.
            let alone = step.is_alone() && self.steps.get(i + 1).is_some_and(Compiled::is_alone);
            for phase in 0..step.phases() {
                // SAFETY: the barrier ends each phase before another thread's part of the next one starts.
                unsafe { step.run(arena.0, &self.areas, phase, (part, parts)) };
                if !alone && !barrier.wait() {
                    return;
                }
            }
        }
    }
}
