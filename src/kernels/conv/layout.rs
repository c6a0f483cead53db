//! The order of packed weights for each instruction set.

use crate::kernels::Isa;

/// The channel at position `p` of 64 after `vpackssdw` and `vpackuswb` pack 4 vectors of 16 sums.
pub fn packed64(p: usize) -> usize {
    let (a, l) = (p / 16, p % 16);
    l / 4 * 16 + a * 4 + l % 4
}

/// The channel at position `p` of 16 after `vpackssdw` packs two vectors of 8 sums.
pub fn packed16(p: usize) -> usize {
    let (a, l) = (p / 8, p % 8);
    l / 4 * 8 + a * 4 + l % 4
}

/// How the kernels of an instruction set read weights.
pub struct Layout {
    /// Output channels of a tile.
    pub tile: usize,
    /// Bytes of a run that are multiplied at once.
    group: usize,
    /// The channel at each position of a full tile.
    order: fn(usize) -> usize,
    /// The length of a run is rounded up to a multiple of this.
    pub run_multiple: usize,
    /// The kernel subtracts 128 from each input byte.
    pub signed: bool,
}

impl Layout {
    pub fn of(isa: Isa, float_out: bool) -> Layout {
        let natural: fn(usize) -> usize = |p| p;
        let layout = |tile, group, order: fn(usize) -> usize| {
            let order = if float_out { natural } else { order };
            Layout { tile, group, order, run_multiple: 4, signed: false }
        };
        match isa {
            Isa::Avx512Vnni => layout(64, 4, packed64),
            Isa::AvxVnni => layout(16, 4, packed16),
            Isa::DotProd => Layout { signed: true, ..layout(16, 4, natural) },
            Isa::Neon => Layout { signed: true, run_multiple: 8, ..layout(4, 16, natural) },
            Isa::Sse41 | Isa::Avx2 => layout(8, 4, natural),
            Isa::Generic => layout(16, 1, natural),
        }
    }

    /// The channel at each packed position, for `blocks` times 16 channels. A last tile that is not
    /// full keeps the natural order.
    pub fn channels(&self, blocks: usize) -> Vec<usize> {
        let full = blocks * 16 / self.tile * self.tile;
        (0..blocks * 16)
            .map(|p| if p < full { p / self.tile * self.tile + (self.order)(p % self.tile) } else { p })
            .collect()
    }

    /// Weights as `[tile][kernel row][run / group][channel of tile][group]`; the last group of a
    /// run may be shorter. `at(channel, kernel row, byte of the run)` is a weight.
    pub fn pack(
        &self,
        kernel_rows: usize,
        run: usize,
        order: &[usize],
        at: impl Fn(usize, usize, usize) -> i8,
    ) -> Vec<i8> {
        let mut out = Vec::with_capacity(order.len() * kernel_rows * run);
        let groups = || (0..kernel_rows).flat_map(|ky| (0..run).step_by(self.group).map(move |b| (ky, b)));
        for tile in order.chunks(self.tile) {
            for (ky, b) in groups() {
                let bytes = b..(b + self.group).min(run);
                tile.iter().for_each(|&o| out.extend(bytes.clone().map(|b| at(o, ky, b))));
            }
        }
        out
    }
}
