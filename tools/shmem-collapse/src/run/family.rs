// SPDX-License-Identifier: GPL-2.0

//! The processes that descend from the wrapper.
//!
//! It is their subreaper, so they stay below it when their parents end.

use crate::proc::{Proc, Stat};
use std::collections::HashMap;

/// Returns all processes below this one, as they are now.
pub(super) fn descendants(of: i32) -> Vec<i32> {
    below(of, &Proc::default().stats())
}

fn below(ancestor: i32, stats: &[Stat]) -> Vec<i32> {
    let mut children = HashMap::<i32, Vec<i32>>::new();
    for stat in stats {
        children.entry(stat.parent).or_default().push(stat.pid);
    }
    let mut found = children.remove(&ancestor).unwrap_or_default();
    let mut at = 0;
    while let Some(pid) = found.get(at) {
        // Taken away: a list that was made while processes came and went may
        // have a circle in it.
        found.extend(children.remove(pid).unwrap_or_default());
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(parents: &[(i32, i32)]) -> Vec<Stat> {
        let stat = |(pid, parent): &(i32, i32)| Stat {
            pid: *pid,
            parent: *parent,
            state: b'S',
        };
        parents.iter().map(stat).collect()
    }

    #[test]
    fn descendants_of_all_generations() {
        let all = stats(&[(1, 0), (10, 1), (11, 10), (12, 11), (20, 1), (13, 10)]);
        assert_eq!(below(10, &all), [11, 13, 12]);
        assert!(below(12, &all).is_empty());
    }

    #[test]
    fn a_circle_ends() {
        let all = stats(&[(11, 10), (12, 11), (11, 12), (10, 12)]);
        assert_eq!(below(10, &all), [11, 12, 11, 10]);
    }
}
