//! Where records go: to the observers, and to tokio-console where it is asked for.

use std::io;
use std::net::{SocketAddr, TcpListener};

use console_subscriber::{ConsoleLayer, Server, ServerParts};
use tokio::runtime::Builder;
use tokio_stream::wrappers::TcpListenerStream;
use tracing::Metadata;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;

use super::short_locations::ShortLocations;
use crate::{observe, own_threads};

/// Why tokio-console can't be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConsoleError {
    /// The address is not to be had.
    #[error("tokio-console can't be served at {address}: {}; name a free address, as in `--console 127.0.0.1:6670`", source.kind())]
    Address {
        address: SocketAddr,
        source: io::Error,
    },
    /// The system refused a thread or a runtime.
    #[error("no thread could be started for tokio-console: {0}; the system may be out of them")]
    Start(#[from] io::Error),
}

/// Sends the records of this process to the observers, and serves tokio-console at `address` if there
/// is one: the address that it has got, should the port have been 0.
///
/// Before any runtime is built, as tasks are recorded from the moment at which they are spawned. Once in a process.
pub(super) fn subscribe(address: Option<SocketAddr>) -> Result<Option<SocketAddr>, ConsoleError> {
    let records = Registry::default().with(observe::layer());
    let Some(address) = address else {
        records.init();
        return Ok(None);
    };
    let unavailable = |source| ConsoleError::Address { address, source };
    let listener = TcpListener::bind(address).map_err(unavailable)?;
    listener.set_nonblocking(true).map_err(unavailable)?;
    let address = listener.local_addr().map_err(unavailable)?;

    let (layer, server) = ConsoleLayer::builder().build();
    let for_console = ShortLocations(layer).with_filter(filter_fn(is_for_console));
    records.with(for_console).init();
    serve(listener, server)?;
    Ok(Some(address))
}

fn is_for_console(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    target.starts_with("tokio")
        || target.starts_with("runtime")
        || (metadata.is_span() && metadata.name().starts_with("runtime."))
}

/// Serves from a thread of its own, whose own tasks are not recorded.
fn serve(listener: TcpListener, server: Server) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let serving = move || {
        let _unrecorded = observe::unrecorded();
        runtime.block_on(async {
            let ServerParts {
                instrument_server,
                aggregator,
                ..
            } = server.into_parts();
            tokio::spawn(aggregator.run());
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let router = tonic::transport::Server::builder().add_service(instrument_server);
            let ended = router
                .serve_with_incoming(TcpListenerStream::new(listener))
                .await;
            ended.map_err(io::Error::other)
        })
    };
    own_threads::start("unstuck-console", serving)?;
    Ok(())
}
