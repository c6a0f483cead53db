//! The last step of a crop: maps channels by the network's tables and interleaves the three lines.

use super::Sampler;

/// A table for each channel of a pixel.
pub type Tables = [[u8; 256]; 3];

impl Sampler {
    /// Three lines to u8 `[n, 3]`: byte `v` of line `c` becomes `tables[c][v]`. The shortest line
    /// determines the number of pixels.
    pub fn interleave(self, lines: [&[u8]; 3], tables: &Tables, out: &mut [u8]) {
        let count = lines.iter().map(|line| line.len()).min().unwrap_or(0).min(out.len() / 3);
        let [a, b, c] = lines.map(|line| &line[..count]);
        let out = &mut out[..3 * count];
        #[cfg(target_arch = "x86_64")]
        if self == Sampler::Avx512 && super::avx512::here() {
            // SAFETY: checked just now.
            unsafe { super::avx512::interleave([a, b, c], tables, out) };
            return;
        }
        for (((out, &a), &b), &c) in out.as_chunks_mut::<3>().0.iter_mut().zip(a).zip(b).zip(c) {
            *out = [tables[0][usize::from(a)], tables[1][usize::from(b)], tables[2][usize::from(c)]];
        }
    }
}
