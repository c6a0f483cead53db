//! How convolutions are packed for each instruction set.

use crate::kernels::Isa;

/// Where `vpackssdw` and `vpackuswb` of four 16-lane sums put them: position to channel of 64.
pub fn packed64(p: usize) -> usize {
    let (a, l) = (p / 16, p % 16);
    l / 4 * 16 + a * 4 + l % 4
}

/// The same for two 8-lane sums and `vpackssdw`: position to channel of 16.
pub fn packed16(p: usize) -> usize {
    let (a, l) = (p / 8, p % 8);
    l / 4 * 8 + a * 4 + l % 4
}

/// How an instruction set wants weights: channels a tile, bytes of a run together.
pub struct Layout {
    tile: usize,
    group: usize,
    order: fn(usize) -> usize,
    /// What the length of a run is padded to.
    pub run_multiple: usize,
    /// The kernel takes 128 from each input byte.
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

    /// The channel at each packed position. A last tile that is not full keeps the natural order.
    pub fn channels(&self, blocks: usize) -> Vec<usize> {
        let full = blocks * 16 / self.tile * self.tile;
        (0..blocks * 16)
            .map(|p| if p < full { p / self.tile * self.tile + (self.order)(p % self.tile) } else { p })
            .collect()
    }

    /// `[tile][kernel row][run / group][channel of tile][group]`; a run's last group may be shorter.
    pub fn pack<T>(
        &self,
        kernel_rows: usize,
        run: usize,
        order: &[usize],
        at: impl Fn(usize, usize, usize) -> T,
    ) -> Vec<T> {
        let mut out = Vec::with_capacity(order.len() * kernel_rows * run);
        for tile in order.chunks(self.tile) {
            for ky in 0..kernel_rows {
                for b in (0..run).step_by(self.group) {
                    for &o in tile {
                        out.extend((b..(b + self.group).min(run)).map(|b| at(o, ky, b)));
                    }
                }
            }
        }
        out
    }
}
