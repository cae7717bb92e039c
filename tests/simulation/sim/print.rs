//! A scenario, for people to read.

use std::fmt;

use super::{
    api,
    script::{Call, End, Fault, GiveUp, Scenario},
};

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shortest, longest) = self.latency;
        writeln!(
            f,
            "{} client(s) with an operation time limit of {} ms; {shortest} to {longest} ms to the server and back",
            self.clients, self.limit
        )?;
        if self.routers {
            writeln!(f, "    through routers: each request is stamped first")?;
        }
        for call in &self.calls {
            writeln!(f, "    {call}")?;
        }
        for fault in &self.faults {
            writeln!(f, "    {}", Shown(fault))?;
        }
        Ok(())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = &self.terms;
        write!(
            f,
            "at {}: client {} makes call {}: {:?} `{}` for {} ms",
            self.at,
            self.client,
            self.id,
            self.kind,
            api::name(terms.name),
            terms.ttl
        )?;
        if terms.renew {
            write!(f, ", renewed")?;
        }
        if terms.shared {
            write!(f, ", shared")?;
        } else if terms.permits > 1 {
            write!(f, ", {} permits", terms.permits)?;
        }
        if terms.goes_on {
            write!(f, ", goes on")?;
        }
        if let Some(limit) = terms.max_hold {
            write!(f, ", at most {limit} ms")?;
        }
        if let Some(limit) = terms.min_hold {
            write!(f, ", at least {limit} ms")?;
        }
        if self.give_up != GiveUp::Never {
            write!(f, "; given up: {:?}", self.give_up)?;
        }
        let body = &self.body;
        write!(f, "; stays {} ms", body.stay)?;
        if let Some((after, ttl)) = body.extend {
            write!(f, ", extends by {ttl} ms after {after}")?;
        }
        if body.end != End::Release {
            write!(f, "; ends with {:?}", body.end)?;
        }
        if body.again {
            write!(f, "; tries again")?;
        }
        Ok(())
    }
}

struct Shown<'a>(&'a Fault);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fault::Requests {
                from,
                to,
                client,
                what,
                count,
                fate,
            } => {
                let whose = client.map_or_else(|| "any client".into(), |it| format!("client {it}"));
                write!(
                    f,
                    "from {from} to {to}: to {count} request(s) ({what:?}) of {whose}: {fate:?}"
                )
            }
            other => write!(f, "{other:?}"),
        }
    }
}
