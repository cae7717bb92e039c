//! What hears the calls of some contenders: metrics, and a subscriber of `tracing`.

use metrics_exporter_prometheus::PrometheusBuilder;
use mongo_lock_runtime::observe::Metrics;
use tracing::{Event, Metadata, Subscriber, level_filters::LevelFilter, span};

/// The observer of metrics, with an exporter that keeps them in buckets.
pub(crate) fn metrics() -> Metrics {
    let builder = PrometheusBuilder::new().set_buckets(&Metrics::SECONDS);
    let installed = builder.and_then(PrometheusBuilder::install_recorder);
    installed.expect("this is the only recorder of the process");
    Metrics::new()
}

/// Hears spans and events down to level INFO, and does nothing with them: what is measured is the library's part.
pub(crate) struct HearsSpans;

impl Subscriber for HearsSpans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "mongo_lock"
    }
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}
