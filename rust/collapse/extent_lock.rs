// SPDX-License-Identifier: GPL-2.0

//! Extent locks: one request at a time for an extent. Other extents are not affected.
//!
//! A lock exists while it is held or waited for. With a fixed number of locks, a task could keep
//! requests for the memory of others waiting by keeping extents of its own memory busy.

use super::turn::{
    Turn,
    Turns, //
};
use crate::mm::extent::ExtentId;
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode, //
    },
    sync::{
        Arc,
        Mutex, //
    },
};

/// The lock of one extent.
struct Lock {
    turns: Arc<Turns>,
    /// The number of its holders and waiters.
    users: usize,
}

/// The locks that are in use.
#[pin_data]
pub(super) struct ExtentLocks {
    #[pin]
    locks: Mutex<RBTree<ExtentId, Lock>>,
}

/// A holder of the lock of an extent, or a waiter for it.
struct User<'l> {
    locks: &'l ExtentLocks,
    extent: ExtentId,
    turns: Arc<Turns>,
}

/// The lock of an extent, held until this is dropped, in the order of the fields.
pub(super) struct ExtentLock<'l> {
    _turn: Turn,
    _user: User<'l>,
}

impl ExtentLocks {
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            locks <- new_mutex!(RBTree::new(), "shmem_collapse extents"),
        })
    }

    /// Locks an extent, in the order of arrival.
    ///
    /// Returns [`None`] if a signal arrives, if `over` returns true, or without memory. Context:
    /// sleeps.
    pub(super) fn lock(&self, extent: ExtentId, over: impl Fn() -> bool) -> Option<ExtentLock<'_>> {
        let user = self.user(extent).ok()?;
        let turn = Turns::wait(&user.turns, over)?;
        Some(ExtentLock {
            _turn: turn,
            _user: user,
        })
    }

    fn user(&self, extent: ExtentId) -> Result<User<'_>> {
        // Only under the mutex is it known whether it is needed, but no one may wait for memory
        // there.
        let mut turns = Arc::pin_init(Turns::new(), GFP_KERNEL)?;
        let lock = Lock {
            turns: turns.clone(),
            users: 1,
        };
        let node = RBTreeNode::new(extent, lock, GFP_KERNEL)?;
        let mut locks = self.locks.lock();
        if let Some(lock) = locks.get_mut(&extent) {
            lock.users += 1;
            turns = lock.turns.clone();
        } else {
            locks.insert(node);
        }
        drop(locks);
        Ok(User {
            locks: self,
            extent,
            turns,
        })
    }

    fn forget(&self, extent: ExtentId) -> Option<Lock> {
        let mut locks = self.locks.lock();
        let lock = locks.get_mut(&extent)?;
        lock.users -= 1;
        if lock.users > 0 {
            return None;
        }
        locks.remove(&extent)
    }
}

impl Drop for User<'_> {
    fn drop(&mut self) {
        self.locks.forget(self.extent);
    }
}

#[kunit_tests(shmem_collapse_extent_lock)]
mod tests {
    use super::*;

    fn locks() -> Result<Pin<KBox<ExtentLocks>>> {
        KBox::pin_init(ExtentLocks::new(), GFP_KERNEL)
    }

    #[test]
    fn one_at_a_time() -> Result {
        let locks = locks()?;
        let held = locks.lock(ExtentId::of_test(64, 1), || true);
        assert!(held.is_some());
        assert!(locks.lock(ExtentId::of_test(64, 1), || true).is_none());
        drop(held);
        assert!(locks.lock(ExtentId::of_test(64, 1), || true).is_some());
        Ok(())
    }

    #[test]
    fn nobody_waits_for_another_extent() -> Result {
        let locks = locks()?;
        let _held = locks.lock(ExtentId::of_test(64, 0), || true);
        for nr in 1..100 {
            assert!(locks.lock(ExtentId::of_test(64, nr), || true).is_some());
            assert!(locks
                .lock(ExtentId::of_test(64 + 64 * nr, 0), || true)
                .is_some());
        }
        Ok(())
    }

    #[test]
    fn a_lock_is_gone_with_the_last_who_uses_it() -> Result {
        let locks = locks()?;
        let held = locks.lock(ExtentId::of_test(64, 0), || true);
        assert!(locks.lock(ExtentId::of_test(64, 0), || true).is_none());
        assert!(!locks.locks.lock().is_empty());
        drop(held);
        assert!(locks.locks.lock().is_empty());
        Ok(())
    }
}
