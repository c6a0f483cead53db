//! Plans that must not be built.

use super::*;
use crate::kernels::{ConvSpec, Quant};

/// A 3x3 convolution of 16 channels.
fn convolution() -> ConvSpec {
    ConvSpec {
        kernel: [3, 3],
        stride: [1, 1],
        pad: [1, 1],
        weights: vec![1; 16 * 16 * 9],
        bias: vec![0; 16],
        mult: vec![0.004; 16],
        input: Quant { scale: 0.1, zero_point: 0 },
        output_zero_point: Some(0),
        clamp: (0, 255),
    }
}

/// Builds a plan with one convolution, after a change.
fn build(change: impl FnOnce(&mut ConvSpec)) -> Result<Plan, Error> {
    let mut b = PlanBuilder::default();
    let (from, to) = (b.map((4, 4, 16), 0), b.map((4, 4, 16), 0));
    let mut spec = convolution();
    change(&mut spec);
    b.input(InputPort::BytesHwc(from));
    b.step(Step::Conv { spec, from, to });
    b.output(OutputPort::BytesChw(to));
    b.build(Isa::best())
}

#[test]
fn bad_values_of_a_convolution_are_refused() {
    assert!(build(|_| {}).is_ok());
    let bad: [fn(&mut ConvSpec); 9] = [
        |s| s.mult[3] = f32::NAN,
        |s| s.mult[3] = -1.0,
        |s| s.mult[3] = f32::INFINITY,
        |s| s.bias[0] = i32::MAX,
        |s| s.weights.truncate(7),
        |s| s.bias.truncate(7),
        |s| s.stride = [0, 1],
        |s| s.kernel = [0, 3],
        |s| s.pad = [usize::MAX >> 8, 0],
    ];
    for (i, change) in bad.into_iter().enumerate() {
        assert!(matches!(build(change), Err(Error::Step { .. })), "change {i}");
    }
}

#[test]
fn maps_that_are_never_written_or_too_large_are_refused() {
    let mut b = PlanBuilder::default();
    let unwritten = b.map((4, 4, 16), 0);
    b.output(OutputPort::BytesChw(unwritten));
    assert!(matches!(b.build(Isa::Generic), Err(Error::Step { .. })));
    let mut b = PlanBuilder::default();
    let huge = b.map((60_000, 60_000, 64), 0);
    b.input(InputPort::BytesHwc(huge));
    b.output(OutputPort::BytesChw(huge));
    assert!(matches!(b.build(Isa::Generic), Err(Error::TooLarge(_))));
}
