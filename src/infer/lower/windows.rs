//! Operators that slide a window over a map: convolutions, transposed ones, pooling.

use super::pending::{Kind, Window, window};
use super::sym::Sym;
use super::{Lowered, map_size};
use crate::infer::consts::{self, volume};
use crate::kernels::{MaxPoolSpec, Step, VecOp};
use tract_core::internal::*;
use tract_core::ops::cnn::{Conv, Deconv, KernelFormat, MaxPool};

impl Lowered {
    pub(super) fn conv(
        &mut self,
        model: &TypedModel,
        op: &Conv,
        node: &TypedNode,
        sym: Sym,
        shape: &[usize],
        level: usize,
    ) -> Option<Sym> {
        let window = window(&op.pool_spec)?;
        if op.q_params.is_some() || op.kernel_fmt != KernelFormat::OIHW || shape.len() != 4 {
            return None;
        }
        let (co, pointwise) = (op.pool_spec.output_channels, window.kernel == [1, 1] && op.group == 1);
        let bias = consts::channels(model, *node.inputs.get(2)?, co)?;
        let from = match sym {
            Sym::Vector(v)
                if pointwise
                    && volume(shape) == co
                    && op.pool_spec.input_channels == self.builder.vector_len(v) =>
            {
                let weights = consts::floats(model, node.inputs[1])?;
                return Some(self.vector(VecOp::MatVec { weights, bias }, v, co, level));
            }
            Sym::Real(map) => map,
            _ => return None,
        };
        let size = map_size(model, node.inputs[0])?;
        if size != from.size {
            return None;
        }
        let Some(weights) = consts::weights(model, node.inputs[1]) else {
            // Weights that are no bytes: only attention logits are computed with such.
            let weights = consts::floats(model, node.inputs[1])?;
            let logits = pointwise && co == 1 && window.stride == [1, 1] && window.pad == [0, 0];
            return (logits && weights.len() == size.2).then_some(Sym::Logits(from, weights));
        };
        let kind = if op.group == 1 {
            Kind::Dense
        } else if op.group == size.2 && co == size.2 {
            Kind::Depthwise
        } else {
            return None;
        };
        Some(Sym::Conv(Box::new(window.of(from, kind, weights, bias, (shape[2], shape[3], co)))))
    }

    pub(super) fn deconv(
        &mut self,
        model: &TypedModel,
        op: &Deconv,
        node: &TypedNode,
        sym: Sym,
        shape: &[usize],
    ) -> Option<Sym> {
        let window = window(&op.pool_spec)?;
        let Sym::Real(from) = sym else { return None };
        if op.kernel_format != KernelFormat::OIHW || map_size(model, node.inputs[0])? != from.size {
            return None;
        }
        let co = op.pool_spec.output_channels;
        let bias = consts::channels(model, *node.inputs.get(2)?, co)?;
        let weights = consts::weights(model, node.inputs[1])?;
        let kind = Kind::Transposed { groups: op.group };
        let size = (*shape.get(2)?, *shape.get(3)?, co);
        Some(Sym::Conv(Box::new(window.of(from, kind, weights, bias, size))))
    }

    pub(super) fn max_pool(
        &mut self,
        op: &MaxPool,
        model: &TypedModel,
        node: &TypedNode,
        sym: Sym,
        shape: &[usize],
        level: usize,
    ) -> Option<Sym> {
        let Window { kernel, stride, pad } = window(&op.pool_spec)?;
        let Sym::Real(from) = sym else { return None };
        if op.with_index_outputs.is_some() || map_size(model, node.inputs[0])? != from.size {
            return None;
        }
        let to = self.new_map((*shape.get(2)?, *shape.get(3)?, from.size.2), from.quant, level);
        let spec = MaxPoolSpec { kernel, stride, pad };
        self.step(Step::MaxPool { spec, from: from.id, to: to.id }, level);
        Some(Sym::Real(to))
    }
}
