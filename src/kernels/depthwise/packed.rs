//! A depthwise convolution checked and packed for an instruction set.

use crate::kernels::arena::Area;
use crate::kernels::conv::{ConvSpec, Packed, packed16, packed64};
use crate::kernels::requant::Requant;
use crate::kernels::{Error, Isa};

/// A depthwise convolution packed for an instruction set.
pub struct Depthwise {
    pub isa: Isa,
    /// Kernel rows and columns.
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pad: [usize; 2],
    pub requant: Requant,
    pub weights: Packed,
    /// Bias and factor of each channel, in packed order.
    pub bias: Vec<i32>,
    #[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64", posed_neon)), allow(dead_code))]
    pub mult: Vec<f32>,
}

impl Depthwise {
    pub const STEP: &'static str = "depthwise convolution";

    /// Checks and packs `spec`; its weights are s8 `[channels, 1, kernel rows, kernel columns]`.
    /// A convolution that the kernels of `isa` cannot compute is packed for the generic one.
    ///
    /// # Errors
    /// If the output is f32, the weights do not fit the maps, or as [`Requant::new`].
    pub fn new(isa: Isa, spec: &ConvSpec, from: &Area, to: &Area) -> Result<Depthwise, Error> {
        let requant = requant(spec, from.channels, to.channels)?;
        let isa = if requant.fits_i32 { able(isa, spec.kernel) } else { Isa::Generic };
        let weights = Weights { spec, channels: to.channels };
        let (packed, order) = weights.pack(isa);
        // `sdot` subtracts 128 from each byte, so it needs 128 times the sum of the weights back.
        let owed = |c: usize| if isa == Isa::DotProd { weights.sum(c).wrapping_mul(128) } else { 0 };
        let bias = order.iter().map(|&c| requant.bias[c].wrapping_add(owed(c))).collect();
        let mult = order.iter().map(|&c| requant.mult[c]).collect();
        let ConvSpec { kernel, stride, pad, .. } = *spec;
        Ok(Depthwise { isa, kernel, stride, pad, requant, weights: packed, bias, mult })
    }

    /// Offset of the first byte of output row `y`'s first window.
    pub fn window(&self, from: &Area, y: usize) -> usize {
        from.origin + y * self.stride[0] * from.pitch - self.pad[0] * from.pitch - self.pad[1] * from.step
    }
}

/// The set whose kernels compute windows of this size where the processor has `isa`.
fn able(isa: Isa, kernel: [usize; 2]) -> Isa {
    match (kernel, isa) {
        ([3, 3], isa) => isa,
        // Every processor with AVX-512 has AVX2, and every one with `sdot` has `smlal`.
        ([5, 5], Isa::Avx512Vnni) => Isa::Avx2,
        ([5, 5], Isa::DotProd) => Isa::Neon,
        ([5, 5], isa) => isa,
        _ => Isa::Generic,
    }
}

/// Checks the shapes and values of `spec`.
fn requant(spec: &ConvSpec, inputs: usize, channels: usize) -> Result<Requant, Error> {
    let bad = |what: String| Error::step(Depthwise::STEP, what);
    let [rows, columns] = spec.kernel;
    if spec.output_zero_point.is_none() {
        return Err(bad("float output is not supported".into()));
    }
    if spec.weights.len() != channels * rows * columns || inputs != channels || spec.stride.contains(&0) {
        let n = spec.weights.len();
        return Err(bad(format!("{n} weights for {channels} channels, {rows}x{columns}")));
    }
    let taps = |c: usize| spec.weights[c * rows * columns..][..rows * columns].iter().copied();
    Requant::new(channels, taps, spec.requant()).map_err(bad)
}

/// The weights of a convolution, before they are packed.
#[derive(Clone, Copy)]
struct Weights<'a> {
    spec: &'a ConvSpec,
    channels: usize,
}

impl Weights<'_> {
    /// A channel's weight; 0 for channels and rows in the padding.
    fn at(&self, c: usize, ky: usize, kx: usize) -> i8 {
        let [rows, columns] = self.spec.kernel;
        if c < self.channels && ky < rows { self.spec.weights[(c * rows + ky) * columns + kx] } else { 0 }
    }

    /// The sum of a channel's weights.
    fn sum(&self, c: usize) -> i32 {
        let [rows, columns] = self.spec.kernel;
        (0..rows * columns).map(|t| i32::from(self.at(c, t / columns, t % columns))).sum()
    }

    /// The channels in blocks of `block`, each in the order of `at`, which maps a position in the
    /// block to a channel of the block.
    fn order(&self, block: usize, at: fn(usize) -> usize) -> Vec<usize> {
        (0..self.channels.next_multiple_of(block)).map(|p| p / block * block + at(p % block)).collect()
    }

    /// The weights for the kernels of `isa`, and the order of the channels.
    fn pack(&self, isa: Isa) -> (Packed, Vec<usize>) {
        match isa {
            Isa::Avx512Vnni => self.columns(self.order(64, packed64), 64),
            Isa::DotProd => self.columns(self.order(16, |p| p), 16),
            Isa::Sse41 | Isa::Avx2 | Isa::AvxVnni => self.row_pairs(self.order(16, packed16)),
            Isa::Neon => self.widened(self.order(16, |p| p)),
            Isa::Generic => self.plain(),
        }
    }

    /// s8 `[block of channels][column][channel][3 rows and a zero]`.
    fn columns(&self, order: Vec<usize>, block: usize) -> (Packed, Vec<usize>) {
        let lanes = order.chunks(block).flat_map(|c| (0..3).flat_map(|kx| c.iter().map(move |c| (kx, *c))));
        let packed = lanes.flat_map(|(kx, c)| (0..4).map(move |ky| self.at(c, ky, kx))).collect();
        (Packed::I8(packed), order)
    }

    /// i16 `[16 channels][column][pair of rows; the last row has a zero][channel][2]`.
    fn row_pairs(&self, order: Vec<usize>) -> (Packed, Vec<usize>) {
        let [rows, columns] = self.spec.kernel;
        let pairs = (0..columns).flat_map(|kx| (0..rows).step_by(2).map(move |ky| (kx, [ky, ky + 1])));
        let mut packed = vec![];
        for block in order.chunks(16) {
            for (kx, rows) in pairs.clone() {
                packed.extend(block.iter().flat_map(|&c| rows.map(|ky| i16::from(self.at(c, ky, kx)))));
            }
        }
        (Packed::I16(packed), order)
    }

    /// i16 `[8 channels][column][row][channel]`.
    fn widened(&self, order: Vec<usize>) -> (Packed, Vec<usize>) {
        let [rows, columns] = self.spec.kernel;
        let taps = |c| (0..rows * columns).flat_map(move |t| <[usize]>::iter(c).map(move |c| (t, *c)));
        let packed = order.chunks(8).flat_map(taps);
        let packed = packed.map(|(t, c)| i16::from(self.at(c, t % rows, t / rows))).collect();
        (Packed::I16(packed), order)
    }

    /// s8 `[row][column][channel]`, for the generic kernel.
    fn plain(&self) -> (Packed, Vec<usize>) {
        let ([rows, columns], order) = (self.spec.kernel, self.order(16, |p| p));
        let tap = |t: usize| order.iter().map(move |&c| self.at(c, t / columns, t % columns));
        (Packed::I8((0..rows * columns).flat_map(tap).collect()), order)
    }
}
