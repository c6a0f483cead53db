//! A plan of our kernels as one operator in tract's graph.

use crate::kernels::{Input, Output, Plan, Workspace};
use std::sync::{Arc, Mutex, PoisonError};
use tract_core::internal::*;

/// Runs a [`Plan`] on plain `[1, C, H, W]` tensors (u8 or f32).
#[derive(Clone)]
pub struct PlanOp(Arc<Inner>);

struct Inner {
    plan: Plan,
    facts: TVec<TypedFact>,
    /// Memory of finished runs, for the next ones: one for each run at the same time.
    idle: Mutex<Vec<Workspace>>,
}

impl PlanOp {
    pub fn new(plan: Plan, facts: TVec<TypedFact>) -> PlanOp {
        PlanOp(Arc::new(Inner { plan, facts, idle: Mutex::new(vec![]) }))
    }
}

impl std::fmt::Debug for PlanOp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PlanOp({} -> {:?})", self.0.plan.isa().name(), self.0.facts)
    }
}

impl PartialEq for PlanOp {
    fn eq(&self, other: &PlanOp) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for PlanOp {}

impl Op for PlanOp {
    fn name(&self) -> StaticName {
        "posed.Plan".into()
    }
    op_as_typed_op!();
}

impl EvalOp for PlanOp {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let inner = &*self.0;
        let idle = inner.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut workspace = idle.unwrap_or_else(|| inner.plan.workspace());
        let mut outputs: TVec<Tensor> = tvec![];
        for fact in &inner.facts {
            let shape = fact.shape.as_concrete().context("a fused operator's shapes are fixed")?;
            outputs.push(Tensor::zero_dt(fact.datum_type, shape)?);
        }
        {
            let ram = inputs.iter().map(|t| t.try_as_plain_ram()).collect::<TractResult<TVec<_>>>()?;
            let read = ram.iter().map(|t| {
                Ok(match t.as_slice::<u8>() {
                    Ok(bytes) => Input::Bytes(bytes),
                    Err(_) => Input::Floats(t.as_slice::<f32>()?),
                })
            });
            let read = read.collect::<TractResult<TVec<_>>>()?;
            let mut ram = vec![];
            for tensor in outputs.iter_mut() {
                ram.push((tensor.datum_type(), tensor.try_as_plain_ram_mut()?));
            }
            let mut write = vec![];
            for (dt, tensor) in &mut ram {
                write.push(if *dt == u8::datum_type() {
                    Output::Bytes(tensor.as_slice_mut::<u8>()?)
                } else {
                    Output::Floats(tensor.as_slice_mut::<f32>()?)
                });
            }
            inner.plan.run(&mut workspace, None, &read, &mut write)?;
        }
        inner.idle.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
        Ok(outputs.into_iter().map(|t| t.into_tvalue()).collect())
    }
}

impl TypedOp for PlanOp {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(self.0.facts.clone())
    }
    as_op!();
}
