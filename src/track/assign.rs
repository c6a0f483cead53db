//! Which observation belongs to which track: the pairing with the greatest sum of similarities.

use pathfinding::kuhn_munkres::{Weights, kuhn_munkres};

/// Integer units of a similarity of 1: the solver needs a total order, which `f32` lacks.
const UNITS: f32 = 1e6;

/// Table of similarities, tracks by observations. Zero: not the same person.
#[derive(Debug, Default)]
pub(super) struct Similarities {
    rows: usize,
    columns: usize,
    values: Vec<i64>,
    /// Possible partners of each column; scratch of `is_uncontested`.
    partners: Vec<u32>,
}

impl Similarities {
    /// Resizes the table to `rows` x `columns`, all zero.
    pub(super) fn reset(&mut self, rows: usize, columns: usize) {
        (self.rows, self.columns) = (rows, columns);
        self.values.clear();
        self.values.resize(rows * columns, 0);
    }

    /// Sets the similarity of a row and a column. Negative numbers and NaN count as zero.
    pub(super) fn set(&mut self, row: usize, column: usize, similarity: f32) {
        if row < self.rows && column < self.columns {
            // NaN casts to 0.
            self.values[row * self.columns + column] = (similarity.clamp(0.0, 1e3) * UNITS) as i64;
        }
    }

    /// Replaces `pairs` with the best pairs (row, column); no row or column appears twice.
    pub(super) fn solve(&mut self, pairs: &mut Vec<(usize, usize)>) {
        pairs.clear();
        if self.is_uncontested() {
            // In most frames people stand apart: nothing to solve or allocate.
            let all = (0..self.rows).flat_map(|row| (0..self.columns).map(move |column| (row, column)));
            pairs.extend(all.filter(|&(row, column)| self.value(row, column) > 0));
            return;
        }
        let flipped = self.rows > self.columns;
        let (_, partners) = kuhn_munkres(&Wide { table: self, flipped });
        let ordered = partners.into_iter().enumerate().map(|(a, b)| if flipped { (b, a) } else { (a, b) });
        pairs.extend(ordered.filter(|&(row, column)| self.value(row, column) > 0));
    }

    fn value(&self, row: usize, column: usize) -> i64 {
        self.values.get(row * self.columns + column).copied().unwrap_or(0)
    }

    /// Whether every row and every column has at most one possible partner.
    fn is_uncontested(&mut self) -> bool {
        self.partners.clear();
        self.partners.resize(self.columns, 0);
        self.values.chunks(self.columns.max(1)).all(|row| {
            let mut own = 0;
            for (value, partners) in row.iter().zip(&mut self.partners) {
                let possible = u32::from(*value > 0);
                own += possible;
                *partners += possible;
            }
            own <= 1
        }) && self.partners.iter().all(|&n| n <= 1)
    }
}

/// The table as the solver needs it: no more rows than columns.
struct Wide<'a> {
    table: &'a Similarities,
    flipped: bool,
}

impl Weights<i64> for Wide<'_> {
    fn rows(&self) -> usize {
        self.table.rows.min(self.table.columns)
    }
    fn columns(&self) -> usize {
        self.table.rows.max(self.table.columns)
    }
    fn at(&self, row: usize, column: usize) -> i64 {
        if self.flipped { self.table.value(column, row) } else { self.table.value(row, column) }
    }
    fn neg(&self) -> Self {
        // Only the minimising solver uses it.
        Wide { table: self.table, flipped: self.flipped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The best sum over every way to pair rows with columns or to leave them unpaired.
    fn brute_force(table: &[Vec<f32>], row: usize, taken: &mut Vec<bool>) -> i64 {
        let Some(values) = table.get(row) else { return 0 };
        let mut best = brute_force(table, row + 1, taken);
        for (column, &value) in values.iter().enumerate() {
            if !taken[column] && value > 0.0 {
                taken[column] = true;
                best = best.max((value * UNITS) as i64 + brute_force(table, row + 1, taken));
                taken[column] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn it_equals_brute_force(
            (rows, columns) in (0usize..=6, 0usize..=6),
            cells in prop::collection::vec(prop_oneof![Just(0.0f32), 0.0f32..1.0], 36),
        ) {
            let table: Vec<Vec<f32>> = (0..rows).map(|r| cells[r * 6..r * 6 + columns].to_vec()).collect();
            let mut similarities = Similarities::default();
            similarities.reset(rows, columns);
            for (r, row) in table.iter().enumerate() {
                for (c, &value) in row.iter().enumerate() {
                    similarities.set(r, c, value);
                }
            }
            let mut pairs = Vec::new();
            similarities.solve(&mut pairs);
            let sum: i64 = pairs.iter().map(|&(r, c)| similarities.value(r, c)).sum();
            prop_assert_eq!(sum, brute_force(&table, 0, &mut vec![false; columns]));
            for (index, &(r, c)) in pairs.iter().enumerate() {
                prop_assert!(table[r][c] > 0.0);
                prop_assert!(pairs[..index].iter().all(|&(other_r, other_c)| other_r != r && other_c != c));
            }
        }
    }

    #[test]
    fn invalid_similarities_count_as_zero() {
        let mut similarities = Similarities::default();
        similarities.reset(1, 3);
        for (column, value) in [f32::NAN, f32::NEG_INFINITY, -1.0].into_iter().enumerate() {
            similarities.set(0, column, value);
        }
        let mut pairs = vec![(7, 7)];
        similarities.solve(&mut pairs);
        assert!(pairs.is_empty());
    }
}
