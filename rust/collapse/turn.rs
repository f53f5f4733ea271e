// SPDX-License-Identifier: GPL-2.0

//! One at a time, in the order of arrival, for as long as one wants to wait.

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

/// Milliseconds between two questions whether a wait is over: what ends it need
/// not be a signal to who waits.
const LOOK_MS: u32 = 10;

/// Whose turn it is.
struct Queue {
    taken: bool,
    next_ticket: u64,
    /// Tickets of those who wait, the oldest first.
    waiting: KVec<u64>,
}

impl Queue {
    /// Takes the turn if it is free and `ticket`, or anybody if there is none, is
    /// first.
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
        // Not charged: under the lock nobody shall wait for the reclaim of one group.
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

/// What only one may have at a time.
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

    /// Waits for the turn. [`None`] when a signal comes or `over` says so, or
    /// there is no memory to wait in. Context: sleeps.
    pub(super) fn wait(this: &Arc<Self>, over: impl Fn() -> bool) -> Option<Turn> {
        let mut queue = this.queue.lock();
        if queue.take(None) {
            return Some(Turn(this.clone()));
        }
        let ticket = Some(queue.draw()?);
        while !queue.take(ticket) {
            if over() {
                queue.forget(ticket);
                // Who is behind may be first now.
                this.changed.notify_all();
                return None;
            }
            // Woken, late or a signal: all is looked at again.
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
