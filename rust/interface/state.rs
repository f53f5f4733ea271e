// SPDX-License-Identifier: GPL-2.0

//! State that the interfaces share: the engine and the knobs.

use super::{
    grammar,
    knobs::Knobs, //
};
use crate::collapse::{
    config::Config,
    engine::Engine,
    stats::Stats,
    stay::Stay, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};

/// The maximum length of a request in bytes.
pub(super) const LONGEST_REQUEST: usize = PAGE_SIZE - 1;

/// State of the module as seen by its interfaces.
pub(crate) struct Interface {
    engine: Arc<Engine>,
    knobs: Knobs,
}

impl Interface {
    /// Creates the state, with every knob at its default.
    pub(crate) fn new(engine: Arc<Engine>) -> Result<Arc<Self>> {
        let interface = Self {
            engine,
            knobs: Knobs::new(),
        };
        Ok(Arc::new(interface, GFP_KERNEL)?)
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the counters of all requests.
    pub(super) fn stats(&self) -> &Stats {
        self.engine.stats()
    }

    pub(super) fn knobs(&self) -> &Knobs {
        &self.knobs
    }

    /// Returns the current values of the knobs, for one request.
    pub(super) fn config(&self) -> Config {
        self.knobs.config()
    }

    /// Parses `text` and frees the empty page tables of what it names.
    pub(super) fn reap(&self, text: &[u8], stay: &Stay<'_>) -> Result {
        let mut path = KVec::new();
        let request = grammar::request(text, &mut path)?;
        request.reap(&self.config(), stay)
    }

    /// Parses `text` and carries out the request. `own`, if any, counts this request only.
    pub(super) fn carry_out(&self, text: &[u8], stay: &Stay<'_>, own: Option<&Stats>) -> Result {
        let mut path = KVec::new();
        let request = grammar::request(text, &mut path)?;
        request.run(&self.config(), stay, own)
    }
}
