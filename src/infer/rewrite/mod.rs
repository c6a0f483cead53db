//! Splits a graph between our kernels and tract: steps that can run together become one
//! [`PlanOp`](super::plan_op::PlanOp), or the whole network; tract keeps the other operators.

mod graph;
mod partition;

pub use graph::graph;
pub use partition::Partition;
