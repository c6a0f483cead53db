//! Every instruction set against the generic kernels, bit for bit, over shapes, strides, tails,
//! zero points, extreme scales and saturation; and the generic ones against plain definitions.

use super::*;
use proptest::prelude::*;

/// How often a property is tried. `make valgrind` asks for fewer.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(96)
}

/// A layer drawn at random.
#[derive(Debug, Clone)]
struct Layer {
    size: (usize, usize),
    channels: (usize, usize),
    kernel: usize,
    stride: usize,
    zero: (u8, u8),
    mult_log2: f32,
    clamp: (u8, u8),
    seed: u64,
}

fn layer() -> impl Strategy<Value = Layer> {
    let size = (1usize..14, 1usize..20);
    let channels = (prop_oneof![1usize..6, 14usize..18, 60usize..70], prop_oneof![1usize..6, 14usize..68]);
    let zero = (any::<u8>(), any::<u8>());
    let kernel = prop_oneof![Just(1usize), Just(3), Just(5), Just(7)];
    (size, channels, kernel, 1usize..3, zero, -24f32..12.0, any::<(u8, u8)>(), any::<u64>()).prop_map(
        |(size, channels, kernel, stride, zero, mult_log2, (a, b), seed)| {
            let clamp = if seed % 2 == 0 { (0, 255) } else { (a.min(b), a.max(b)) };
            Layer { size, channels, kernel, stride, zero, mult_log2, clamp, seed }
        },
    )
}

impl Layer {
    fn out(&self) -> (usize, usize) {
        let after = |n: usize| (n + 2 * (self.kernel / 2) - self.kernel) / self.stride + 1;
        (after(self.size.0), after(self.size.1))
    }

    /// A weight: in half of the layers none is -128, and in half all are extreme.
    fn weight(&self, rng: &mut fastrand::Rng) -> i8 {
        let least = if self.seed & 2 == 0 { -128 } else { -127 };
        if self.seed & 4 == 0 { rng.i8(least..=127) } else { rng.choice([least, least, 127]).unwrap() }
    }

    /// An input byte: extreme in the same layers.
    fn byte(&self, rng: &mut fastrand::Rng) -> u8 {
        if self.seed & 4 == 0 { rng.u8(..) } else { rng.choice([0, 0, 255]).unwrap() }
    }

    fn spec(&self, inputs: usize, outputs: usize, rng: &mut fastrand::Rng) -> ConvSpec {
        let (k, s) = (self.kernel, self.stride);
        ConvSpec {
            kernel: [k, k],
            stride: [s, s],
            pad: [k / 2, k / 2],
            weights: (0..inputs * outputs * k * k).map(|_| self.weight(rng)).collect(),
            bias: (0..outputs).map(|_| rng.i32(-100_000..100_000)).collect(),
            mult: (0..outputs).map(|_| (self.mult_log2 + rng.f32()).exp2()).collect(),
            input: Quant { scale: 0.1, zero_point: self.zero.0 },
            output_zero_point: Some(self.zero.1),
            clamp: self.clamp,
        }
    }

    /// The input and the output bytes, [H, W, C] and [C, H, W], of one step on `isa`.
    fn run(&self, isa: Isa, depthwise: bool) -> (Vec<u8>, Vec<u8>, ConvSpec) {
        let rng = &mut fastrand::Rng::with_seed(self.seed);
        let ((h, w), (ho, wo)) = (self.size, self.out());
        let (ci, co) = if depthwise { (self.channels.1, self.channels.1) } else { self.channels };
        let mut b = PlanBuilder::default();
        let (from, to) = (b.map((h, w, ci), self.zero.0), b.map((ho, wo, co), self.zero.1));
        let spec = self.spec(if depthwise { 1 } else { ci }, co, rng);
        b.input(InputPort::BytesHwc(from));
        b.output(OutputPort::BytesChw(to));
        b.step(match depthwise {
            true => Step::Depthwise { spec: spec.clone(), from, to },
            false => Step::Conv { spec: spec.clone(), from, to },
        });
        let x: Vec<u8> = (0..h * w * ci).map(|_| self.byte(rng)).collect();
        (x.clone(), run(&b, isa, &x, ho * wo * co), spec)
    }

    /// The output by the definition of the convolution, in 64 bits.
    fn want(&self, depthwise: bool, x: &[u8], spec: &ConvSpec) -> Vec<u8> {
        let ((h, w), (ho, wo), k) = (self.size, self.out(), self.kernel);
        let (ci, co) = if depthwise { (self.channels.1, self.channels.1) } else { self.channels };
        let mut out = vec![];
        for (o, y, p) in (0..co * ho * wo).map(|i| (i / wo / ho, i / wo % ho, i % wo)) {
            let mut sum = i64::from(spec.bias[o]);
            for (ky, kx) in (0..k * k).map(|t| (t / k, t % k)) {
                let (iy, ix) = (y * self.stride + ky, p * self.stride + kx);
                if iy < k / 2 || ix < k / 2 || iy - k / 2 >= h || ix - k / 2 >= w {
                    continue;
                }
                let pixel = &x[((iy - k / 2) * w + ix - k / 2) * ci..][..ci];
                for i in if depthwise { o..o + 1 } else { 0..ci } {
                    let at = if depthwise { o } else { o * ci + i };
                    let weight = i64::from(spec.weights[(at * k + ky) * k + kx]);
                    sum += (i64::from(pixel[i]) - i64::from(self.zero.0)) * weight;
                }
            }
            let real = f64::from((sum as f32 * spec.mult[o]).round_ties_even()) + f64::from(self.zero.1);
            out.push((real.clamp(0.0, 255.0) as u8).clamp(self.clamp.0, self.clamp.1));
        }
        out
    }
}

/// The output bytes of a plan, the same on one thread and on two.
fn run(b: &PlanBuilder, isa: Isa, x: &[u8], len: usize) -> Vec<u8> {
    let plan = b.build(isa).unwrap();
    let (mut alone, mut shared) = (vec![0; len], vec![0; len]);
    let mut workspace = plan.workspace();
    plan.run(&mut workspace, None, &[Input::Bytes(x)], &mut [Output::Bytes(&mut alone)]).unwrap();
    let mut workers = Workers::new(2).unwrap();
    let out = &mut [Output::Bytes(&mut shared)];
    plan.run(&mut workspace, Some(&mut workers), &[Input::Bytes(x)], out).unwrap();
    assert_eq!(alone, shared, "two threads differ from one");
    alone
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn convolutions_are_their_definition_on_every_set(layer in layer(), depthwise: bool) {
        for isa in Isa::available() {
            let (x, got, spec) = layer.run(isa, depthwise);
            prop_assert_eq!(&got, &layer.want(depthwise, &x, &spec), "{:?}", isa);
        }
    }

    #[test]
    fn transposed_convolutions_are_their_definition_on_every_set(layer in layer(), members in 1usize..4) {
        let rng = &mut fastrand::Rng::with_seed(layer.seed);
        let ((h, w), co) = (layer.size, layer.channels.1);
        let ci = co * members;
        let spec = DeconvSpec {
            groups: co, kernel: [4, 4], stride: [2, 2], pad: [1, 1],
            weights: (0..ci * 16).map(|_| rng.i8(..)).collect(),
            bias: (0..co).map(|_| rng.i32(-100_000..100_000)).collect(),
            mult: (0..co).map(|_| (layer.mult_log2 + rng.f32()).exp2()).collect(),
            input: Quant { scale: 0.1, zero_point: layer.zero.0 },
            output_zero_point: layer.zero.1, clamp: layer.clamp,
        };
        let x: Vec<u8> = (0..h * w * ci).map(|_| rng.u8(..)).collect();
        let mut sums: Vec<i64> = (0..co * 4 * h * w).map(|i| spec.bias[i / (4 * h * w)].into()).collect();
        for (i, y, p, t) in (0..ci * h * w * 16).map(|n| (n / 16 / w / h, n / 16 / w % h, n / 16 % w, n % 16)) {
            let (oy, ox) = (2 * y + t / 4, 2 * p + t % 4);
            if (1..=2 * h).contains(&oy) && (1..=2 * w).contains(&ox) {
                let value = i64::from(x[(y * w + p) * ci + i]) - i64::from(layer.zero.0);
                let at = i / members * 4 * h * w + (oy - 1) * 2 * w + ox - 1;
                sums[at] += value * i64::from(spec.weights[i * 16 + t]);
            }
        }
        let want: Vec<u8> = sums.iter().enumerate().map(|(i, sum)| {
            let real = f64::from((*sum as f32 * spec.mult[i / (4 * h * w)]).round_ties_even());
            ((real + f64::from(layer.zero.1)).clamp(0.0, 255.0) as u8).clamp(layer.clamp.0, layer.clamp.1)
        }).collect();
        let mut b = PlanBuilder::default();
        let (from, to) = (b.map((h, w, ci), layer.zero.0), b.map((2 * h, 2 * w, co), layer.zero.1));
        b.input(InputPort::BytesHwc(from));
        b.output(OutputPort::BytesChw(to));
        b.step(Step::Deconv { spec, from, to });
        for isa in Isa::available() {
            prop_assert_eq!(&run(&b, isa, &x, co * 4 * h * w), &want, "{:?}", isa);
        }
    }

    #[test]
    fn other_steps_are_the_same_on_every_set(layer in layer(), other_scale in 0.001f32..10.0) {
        let rng = &mut fastrand::Rng::with_seed(layer.seed);
        let ((h, w), c) = (layer.size, layer.channels.1);
        let (a, o) = (Quant { scale: 0.1, zero_point: layer.zero.0 }, Quant { scale: other_scale, zero_point: layer.zero.1 });
        let mut b = PlanBuilder::default();
        let image = b.map((h, w, c), a.zero_point);
        b.input(InputPort::BytesHwc(image));
        let pooled = b.map((h, w, c), a.zero_point);
        let spec = MaxPoolSpec { kernel: [3, 3], stride: [1, 1], pad: [1, 1] };
        b.step(Step::MaxPool { spec, from: image, to: pooled });
        let context = b.vector(c);
        let weights = (0..c).map(|_| rng.f32() - 0.5).collect();
        b.step(Step::Attend { spec: AttendSpec { weights, input: a }, from: pooled, to: context });
        let rounded = b.vector(c);
        b.step(Step::Vector { op: VecOp::Requantize(o), from: context, to: rounded });
        let (sum, twice) = (b.map((h, w, c), o.zero_point), b.map((h, w, c), o.zero_point));
        let spec = AddSpec { input: a, output: o, clamp: (0, 255) };
        b.step(Step::Add { spec, from: pooled, term: Term::Vector(rounded), to: sum });
        let spec = AddSpec { input: o, output: o, clamp: layer.clamp };
        b.step(Step::Add { spec, from: sum, term: Term::Map(image, a), to: twice });
        let double = b.map((2 * h, 2 * w, c), 3);
        let spec = DeconvSpec {
            groups: c, kernel: [4, 4], stride: [2, 2], pad: [1, 1],
            weights: (0..c * 16).map(|_| rng.i8(..)).collect(),
            bias: (0..c).map(|_| rng.i32(-1000..1000)).collect(),
            mult: vec![0.004; c], input: o, output_zero_point: 3, clamp: (0, 255),
        };
        b.step(Step::Deconv { spec, from: twice, to: double });
        b.output(OutputPort::BytesChw(double));
        let x: Vec<u8> = (0..h * w * c).map(|_| rng.u8(..)).collect();
        let want = run(&b, Isa::Generic, &x, 4 * h * w * c);
        b.fuse_additions();
        for isa in Isa::available() {
            prop_assert_eq!(&run(&b, isa, &x, 4 * h * w * c), &want, "{:?}", isa);
        }
    }
}
