use std::{
    io,
    net::{Ipv4Addr, TcpListener},
};

use crate::{Error, unique};

/// The ports below the ranges that Linux (32768) and macOS (49152) hand out to outgoing connections: a
/// process that stops listening must find its port free when it comes back.
const FIRST: u64 = 20_000;
const COUNT: u64 = 12_000;

/// A loopback port that was free a moment ago. The caller must cope with losing the race for it.
pub(crate) fn free() -> Result<u16, Error> {
    let port = || Ok(bind()?.local_addr()?.port());
    port().map_err(Error::io("find a free loopback port"))
}

/// A listener on a free loopback port.
pub(crate) fn bind() -> io::Result<TcpListener> {
    let mut last = None;
    for _ in 0..100 {
        let port = u16::try_from(FIRST + unique::bits() % COUNT).expect("below 65536");
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = Some(error),
        }
    }
    Err(last.expect("the loop ran"))
}
