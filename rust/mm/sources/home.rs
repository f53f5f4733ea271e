// SPDX-License-Identifier: GPL-2.0

//! Finding the memory cgroup and the NUMA nodes that have most of the pages.

use super::{
    is_page,
    state::Referenced,
    Sources,
    RESERVED, //
};
use crate::{
    bindings,
    mm::{
        nodes::Nodes,
        tally::Tally, //
    },
};
use core::{
    marker::PhantomData,
    ops::Range,
    ptr::NonNull, //
};
use kernel::prelude::*;

/// The memory cgroup that owns more of an extent's pages than any other.
///
/// # Invariants
///
/// `folio`, which the group pays for, is referenced for `'s`.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'s> {
    folio: NonNull<bindings::folio>,
    _sources: PhantomData<&'s ()>,
}

impl Owner<'_> {
    pub(in crate::mm) fn folio(&self) -> *mut bindings::folio {
        self.folio.as_ptr()
    }
}

impl Sources<'_, '_, Referenced> {
    /// Returns the nodes that hold more of the pages than any other: one, or each of several that
    /// hold as many; none if no page is in memory.
    pub(crate) fn nodes(&mut self) -> Nodes {
        let mut nodes = Nodes::default();
        // SAFETY: `leaders()` calls it for folios of `self`, which are referenced.
        let node = |folio| unsafe { bindings::folio_nid(folio) };
        self.leaders(|folio| node(folio) as u32, |folio| nodes.add(node(folio)));
        nodes
    }

    /// Returns the group that pays for more of the pages than any other; of several that pay for as
    /// many, the one whose page comes first; [`None`] if no page is in memory.
    pub(crate) fn owner(&mut self) -> Option<Owner<'_>> {
        let mut owner = None;
        // SAFETY: `leaders()` calls it for folios of `self`, which are referenced.
        let payer = |folio| unsafe { bindings::folio_payer(folio) };
        self.leaders(payer, |folio| owner = owner.or(NonNull::new(folio)));
        // A group that went away meanwhile leaves its pages to another.
        let any = || NonNull::new(self.homes().next()?.0);
        // INVARIANT: A folio of `self`.
        Some(Owner {
            folio: owner.or_else(any)?,
            _sources: PhantomData,
        })
    }

    /// Calls `each`, in their order, for a folio of every run of pages whose `number` more pages
    /// have than any other.
    fn leaders(
        &mut self,
        number: impl Fn(*mut bindings::folio) -> u32,
        mut each: impl FnMut(*mut bindings::folio),
    ) {
        let mut runs = self.homes();
        let Some((first, _)) = runs.next() else {
            return;
        };
        let one_home = runs.next().is_none();
        drop(runs);
        if one_home {
            // INVARIANT: All were compared with the first.
            self.one_home = true;
            return each(first);
        }
        // There are as many places as pages, and they are not in use before folios are unmapped.
        let mut room = core::mem::replace(&mut self.scratch.unmapped, KVVec::new());
        let votes = self
            .homes()
            .map(|(folio, places)| (number(folio), self.in_memory(places)));
        let tally = Tally::count(&mut room, votes);
        let most = tally.most();
        for (folio, _) in self.homes() {
            if tally.of(number(folio)) == most {
                each(folio);
            }
        }
        room.fill(0);
        self.scratch.unmapped = room;
    }

    /// Returns the number of pages in `places` that somebody pays for, written or not.
    fn in_memory(&self, places: Range<usize>) -> usize {
        let frames = self.scratch.frames.get(places).unwrap_or_default();
        frames
            .iter()
            .filter(|frame| is_page(**frame) || **frame == RESERVED)
            .count()
    }
}
