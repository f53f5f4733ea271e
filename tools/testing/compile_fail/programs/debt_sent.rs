// SPDX-License-Identifier: GPL-2.0
// The debt of an entry leaves the task that holds the lock.
// error: E0277
// message: `*mut ()` cannot be sent between threads safely

use crate::pgtable::cleared::Cleared;

fn send<T: Send>(_debt: T) {}

fn leave(old: Cleared<'_>) {
    send(old);
}
