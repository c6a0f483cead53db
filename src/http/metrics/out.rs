//! Writes one metric after another as prometheus-client wants it.

use super::Written;
use crate::http::buckets::Counted;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// One label, or two.
pub(super) type Labels<'a, const N: usize> = [(&'a str, &'a str); N];

/// Writes metrics, one name at a time.
pub(super) struct Out<'e>(pub(super) DescriptorEncoder<'e>);

impl Out<'_> {
    /// The name is written with `_total` after it.
    pub(super) fn counters<'a, const N: usize, V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Iterator<Item = (Labels<'a, N>, V)>,
    ) -> Written {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, V, u64>(&value, None)?;
        }
        Ok(())
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, value: impl EncodeCounterValue) -> Written {
        self.counters::<0, _>(name, help, [([], value)].into_iter())
    }

    pub(super) fn gauges<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Iterator<Item = (Labels<'a, N>, f64)>,
    ) -> Written {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) -> Written {
        self.gauges::<0>(name, help, [([], value)].into_iter())
    }

    pub(super) fn histograms<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Iterator<Item = (Labels<'a, N>, &'a Counted)>,
    ) -> Written {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, Counted { sum_s, count, buckets }) in values {
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(*sum_s, *count, buckets, None)?;
        }
        Ok(())
    }
}
