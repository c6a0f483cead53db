//! Steps that are cheaper together: what one writes, the other reads from a register.
//!
//! A bottleneck's convolutions are not among them: in lpn50-256x192 on a Zen 4 with AVX-512 VNNI, 1x1 convolutions make
//! 225 billion products a second of maps of 98 KB and of 786 KB alike, so no map keeps them waiting, and all depthwise
//! ones together take 3 % of the time (`posed bench profile`). Nothing is left there for fusion to save.

use super::PlanBuilder;
use super::step::{MapId, Step};
use crate::kernels::add::{AddSpec, Term};
use crate::kernels::ports::OutputPort;

impl PlanBuilder {
    /// Fuses an addition whose only reader is another addition into one pass.
    pub fn fuse_additions(&mut self) {
        let readers = |steps: &[Step], outputs: &[OutputPort], m: MapId| {
            steps.iter().flat_map(|s| s.maps().0).filter(|r| *r == m).count()
                + outputs.iter().filter(|o| o.map() == m).count()
        };
        let mut i = 0;
        while i < self.steps.len() {
            if let Step::Add { spec: second, from, term: Term::Map(other, other_quant), to } = self.steps[i] {
                // Addition commutes: the inner sum may stand on either side.
                let sides =
                    [(from, second.input, other, other_quant), (other, other_quant, from, second.input)];
                let fused = sides.into_iter().find_map(|(inner, inner_quant, residual, residual_quant)| {
                    let at = self.steps[..i].iter().position(|s| s.maps().1 == Some(inner))?;
                    let Step::Add { spec, from, term, .. } = &self.steps[at] else { return None };
                    if readers(&self.steps, &self.outputs, inner) != 1 || spec.output != inner_quant {
                        return None;
                    }
                    let specs = [*spec, AddSpec { input: inner_quant, ..second }];
                    let (from, term, then) = (*from, *term, (residual, residual_quant));
                    Some((at, Step::AddTwice { specs, from, term, then, to }))
                });
                if let Some((at, step)) = fused {
                    self.steps[i] = step;
                    self.steps.remove(at);
                    continue;
                }
            }
            i += 1;
        }
    }
}
