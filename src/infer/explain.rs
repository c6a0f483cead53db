//! What the rewriter took over and what it left to tract.

use std::collections::BTreeMap;
use std::fmt;

/// An account of a loaded network, as `posed bench explain` prints it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explain {
    /// Our operators in the graph; each is a plan of steps.
    pub operators: usize,
    /// Our steps, by kind.
    pub taken: BTreeMap<String, usize>,
    /// Nodes that tract runs: operator and name.
    pub left: Vec<(String, String)>,
    /// The network runs as one plan, straight from the crop's bytes.
    pub whole: bool,
    /// Why our kernels took nothing, if they did not.
    pub refused: Option<String>,
}

impl Explain {
    pub(super) fn new<'a>(
        operators: usize,
        steps: impl Iterator<Item = &'a str>,
        left: impl Iterator<Item = (String, String)>,
    ) -> Explain {
        let mut taken = BTreeMap::new();
        steps.for_each(|kind| *taken.entry(kind.to_owned()).or_default() += 1);
        Explain { operators, taken, left: left.collect(), whole: false, refused: None }
    }
}

impl fmt::Display for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: usize = self.taken.values().sum();
        if self.whole {
            writeln!(
                f,
                "posed's kernels run the whole network: {steps} steps, from the crop's bytes to the output"
            )?;
        } else {
            writeln!(
                f,
                "posed's kernels run {steps} steps in {} operators; tract runs {} nodes",
                self.operators,
                self.left.len()
            )?;
        }
        for (kind, n) in &self.taken {
            writeln!(f, "  took {n:3} {kind}")?;
        }
        let mut left: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        self.left.iter().for_each(|(op, name)| left.entry(op).or_default().push(name));
        for (op, names) in left {
            writeln!(f, "  left {:3} {op} (first: {})", names.len(), names[0])?;
        }
        match &self.refused {
            Some(why) => writeln!(f, "  posed's kernels run nothing: {why}"),
            None => Ok(()),
        }
    }
}
