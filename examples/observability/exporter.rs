//! The exporter: Prometheus reads its text over HTTP.

use std::io;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use mongo_lock_runtime::observe::Metrics;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Installs the recorder of this process. To be called before the client is built, so that its counters start at
/// zero.
///
/// Without bounds for buckets, the exporter gives summaries, which cannot be added up over instances.
pub(crate) fn install() -> PrometheusHandle {
    let suffix = |text: &str| Matcher::Suffix(text.to_owned());
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(suffix("_seconds"), &Metrics::SECONDS)
        .and_then(|it| it.set_buckets_for_metric(suffix("_ratio"), &Metrics::RATIOS));
    let builder = builder.expect("there are bounds");
    builder
        .install_recorder()
        .expect("this is the only recorder of the process")
}

/// Answers each request with the metrics. A service has this as a route of its web server, or takes the feature
/// `http-listener` of the exporter.
pub(crate) async fn serve(listener: TcpListener, handle: PrometheusHandle) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let text = handle.render();
        tokio::spawn(async move { answer(stream, &text).await });
    }
}

async fn answer(mut stream: TcpStream, text: &str) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < 64 * 1024 {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}
