// SPDX-License-Identifier: GPL-2.0

//! A lock that is granted in the order of arrival, and whose waiters can give up.

use kernel::{
    new_condvar,
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        CondVar,
        Mutex, //
    },
    time::msecs_to_jiffies, //
};

/// Milliseconds between two tests whether a wait is over: it may end without a signal to the
/// waiter.
const LOOK_MS: u32 = 10;

/// The holder, if any, and the waiters.
struct Queue {
    taken: bool,
    next_ticket: u64,
    /// Tickets of the waiters, the oldest first.
    waiting: KVec<u64>,
}

impl Queue {
    /// Takes the turn if it is free and `ticket` is first; without a ticket, if there are no
    /// waiters.
    fn take(&mut self, ticket: Option<u64>) -> bool {
        let free = !self.taken && self.waiting.first().copied() == ticket;
        self.taken |= free;
        if free {
            self.forget(ticket);
        }
        free
    }

    fn draw(&mut self) -> Option<u64> {
        let ticket = self.next_ticket;
        self.next_ticket = ticket.wrapping_add(1);
        // Not charged: no one may wait under the lock for the reclaim of one group.
        self.waiting.push(ticket, GFP_KERNEL).ok()?;
        Some(ticket)
    }

    fn forget(&mut self, ticket: Option<u64>) {
        let at = self.waiting.iter().position(|w| Some(*w) == ticket);
        if let Some(at) = at {
            let _ = self.waiting.remove(at);
        }
    }
}

/// The lock, which only one may hold at a time.
#[pin_data]
pub(super) struct Turns {
    #[pin]
    queue: Mutex<Queue>,
    #[pin]
    changed: CondVar,
}

/// The turn, which ends when this is dropped.
pub(super) struct Turn(Arc<Turns>);

impl Turns {
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            queue <- new_mutex!(Queue {
                taken: false,
                next_ticket: 0,
                waiting: KVec::new(),
            }, "shmem_collapse turns"),
            changed <- new_condvar!("shmem_collapse turn"),
        })
    }

    /// Waits for the turn.
    ///
    /// Returns [`None`] if a signal arrives, if `over` returns true, or without memory for a
    /// ticket. Context: sleeps.
    pub(super) fn wait(this: &Arc<Self>, over: impl Fn() -> bool) -> Option<Turn> {
        let mut queue = this.queue.lock();
        if queue.take(None) {
            return Some(Turn(this.clone()));
        }
        let ticket = Some(queue.draw()?);
        while !queue.take(ticket) {
            if over() {
                queue.forget(ticket);
                // The next waiter may be first now.
                this.changed.notify_all();
                return None;
            }
            // Woken, timed out or signalled: everything is tested again.
            let _ = this
                .changed
                .wait_interruptible_timeout(&mut queue, msecs_to_jiffies(LOOK_MS));
        }
        Some(Turn(this.clone()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.queue.lock().taken = false;
        self.0.changed.notify_all();
    }
}

#[kunit_tests(shmem_collapse_turn)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        Queue {
            taken: false,
            next_ticket: 0,
            waiting: KVec::new(),
        }
    }

    #[test]
    fn turns_come_in_the_order_of_arrival() {
        let mut queue = queue();
        assert!(queue.take(None));
        let (first, second) = (queue.draw(), queue.draw());
        assert!(first.is_some() && second.is_some() && first != second);
        assert!(!queue.take(None) && !queue.take(first));
        queue.taken = false;
        assert!(!queue.take(None));
        assert!(!queue.take(second));
        assert!(queue.take(first));
        assert!(!queue.take(second));
        queue.taken = false;
        assert!(queue.take(second));
        queue.taken = false;
        assert!(queue.take(None));
    }

    #[test]
    fn who_gives_up_is_waited_for_by_nobody() {
        let mut queue = queue();
        assert!(queue.take(None));
        let (first, second) = (queue.draw(), queue.draw());
        queue.forget(first);
        queue.taken = false;
        assert!(queue.take(second));
        queue.taken = false;
        assert!(queue.take(None));
    }

    #[test]
    fn a_wait_that_is_over_leaves_nothing_behind() -> Result {
        let turns = Arc::pin_init(Turns::new(), GFP_KERNEL)?;
        let turn = Turns::wait(&turns, || true);
        assert!(turn.is_some());
        assert!(Turns::wait(&turns, || true).is_none());
        drop(turn);
        assert!(Turns::wait(&turns, || true).is_some());
        Ok(())
    }
}
