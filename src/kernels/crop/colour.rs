//! The last step of an upright crop, in fixed point: lines of channels become bytes of R, G and B.

use super::Ycc;

/// `a * b / 32768`, halves rounded up, as `pmulhrsw` and `sqrdmulh` compute it.
#[inline(always)]
pub(super) fn times(a: i16, b: i16) -> i16 {
    ((((i32::from(a) * i32::from(b)) >> 14) + 1) >> 1) as i16
}

/// [`Ycc`] in fixed point: the factor of luma in 1/65536, those of chroma in 1/131072, and the
/// value of black in 1/64.
pub(super) struct Matrix {
    pub y: i16,
    pub rv: i16,
    pub gu: i16,
    pub gv: i16,
    pub bu: i16,
    pub black: i16,
}

impl From<&Ycc> for Matrix {
    fn from(m: &Ycc) -> Matrix {
        // Samples are in 1/128 and results in 1/64: half, and a quarter for doubled chroma.
        let chroma = |c: f32| (c * 8192.0).round() as i16;
        let black = ((m.b0 + 128.0 * m.bu) * 64.0).round() as i16;
        let y = (m.y * 16384.0).round() as i16;
        Matrix { y, rv: chroma(m.rv), gu: chroma(m.gu), gv: chroma(m.gv), bu: chroma(m.bu), black }
    }
}

/// How much of the line and of each column is in the picture. `None`: everything.
pub(super) type Fade<'a> = Option<(i16, &'a [i16])>;

/// Columns that are picked together. Tables are padded to a multiple.
pub const COLUMNS: usize = 16;

/// A vector of samples.
pub(super) type Samples = [i16; COLUMNS];

/// Converts a line of each channel to pixels.
pub(super) fn write(
    channels: [&[i16]; 3],
    fade: Fade<'_>,
    out: &mut [u8],
    pixels: impl Fn(&Samples, &Samples, &Samples) -> [Samples; 3],
) {
    let [a, b, c] = channels.map(|c| c.as_chunks::<COLUMNS>().0);
    let (red, rest) = out.split_at_mut(channels[0].len());
    let (green, blue) = rest.split_at_mut(channels[0].len());
    let [red, green, blue] = [red, green, blue].map(|o| o.as_chunks_mut::<COLUMNS>().0);
    for (i, (((a, b), c), ((red, green), blue))) in
        a.iter().zip(b).zip(c).zip(red.iter_mut().zip(green).zip(blue)).enumerate()
    {
        for (mut samples, out) in pixels(a, b, c).into_iter().zip([red, green, blue]) {
            if let Some((line, columns)) = fade {
                darken(&mut samples, line, &columns[i * COLUMNS..]);
            }
            for l in 0..COLUMNS {
                out[l] = (samples[l].saturating_add(32) >> 6).clamp(0, 255) as u8;
            }
        }
    }
}

/// Fades samples to black by the part of the line and of each column that is in the picture.
#[inline(always)]
fn darken(samples: &mut Samples, line: i16, columns: &[i16]) {
    for (sample, column) in samples.iter_mut().zip(columns) {
        let inside = (*sample).clamp(0, 255 << 6);
        *sample = times(times(inside << 1, *column) << 1, line);
    }
}

/// R, G and B in steps of 1/64 from Y, U and V in steps of 1/128.
#[inline(always)]
pub(super) fn converted(m: &Matrix, luma: &Samples, u: &Samples, v: &Samples) -> [Samples; 3] {
    let mut out = [[0; COLUMNS]; 3];
    for l in 0..COLUMNS {
        // Chroma around 0, in steps of 1/256.
        let [u, v] = [u[l], v[l]].map(|c| c.wrapping_sub(128 << 7) << 1);
        let luma = times(luma[l], m.y).saturating_add(m.black);
        out[0][l] = luma.saturating_add(times(v, m.rv));
        out[1][l] = luma.saturating_add(times(u, m.gu)).saturating_add(times(v, m.gv));
        out[2][l] = luma.saturating_add(times(u, m.bu));
    }
    out
}

/// Samples in steps of 1/64 from those in steps of 1/128.
#[inline(always)]
pub(super) fn halved(samples: &Samples) -> Samples {
    samples.map(|v| (v + 1) >> 1)
}
