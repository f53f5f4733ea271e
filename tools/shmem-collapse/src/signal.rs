// SPDX-License-Identifier: GPL-2.0

//! Signals, their masks, and what a program inherits of them.
//!
//! With sys.rs, the only unsafe code of this program.

use std::{
    io, mem,
    os::unix::process::CommandExt,
    process::Command,
    ptr,
    sync::atomic::{AtomicU8, Ordering},
};

/// What the runtime of Rust changes before `main()`.
static AT_START: AtomicU8 = AtomicU8::new(0);

const PIPE_IS_IGNORED: u8 = 1 << 3;

/// Notes, before the runtime starts, what it is going to change: it ignores
/// SIGPIPE, and opens /dev/null in place of a standard stream that is closed.
extern "C" fn note_start() {
    let mut found = 0;
    for descriptor in 0..3 {
        // SAFETY: F_GETFD only asks.
        if unsafe { libc::fcntl(descriptor, libc::F_GETFD) } == -1 {
            found |= 1 << descriptor;
        }
    }
    if is_ignored(libc::SIGPIPE) {
        found |= PIPE_IS_IGNORED;
    }
    AT_START.store(found, Ordering::Relaxed);
}

// SAFETY: The C library calls what is in this section before main(), and
// note_start() needs nothing that is not ready then.
#[used]
#[unsafe(link_section = ".init_array")]
static NOTE_START: extern "C" fn() = note_start;

/// Which of the standard streams were closed when this program was started.
pub(crate) fn closed_at_start() -> [bool; 3] {
    let found = AT_START.load(Ordering::Relaxed);
    [0, 1, 2].map(|descriptor| found & (1 << descriptor) != 0)
}

/// Whether the signal is ignored.
pub(crate) fn is_ignored(signal: i32) -> bool {
    action(signal) == libc::SIG_IGN
}

fn action(signal: i32) -> libc::sighandler_t {
    // SAFETY: A sigaction of zeroes is one.
    let mut old: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: Without a new action it only writes the old one, which is ours.
    unsafe { libc::sigaction(signal, ptr::null(), &raw mut old) };
    old.sa_sigaction
}

/// Has the signal do by default, or ignores it.
fn set_action(signal: i32, action: libc::sighandler_t) {
    // SAFETY: The action is one of SIG_DFL and SIG_IGN: no code of ours runs.
    unsafe { libc::signal(signal, action) };
}

/// Has the signal do what it does by default.
pub(crate) fn set_default(signal: i32) {
    set_action(signal, libc::SIG_DFL);
}

/// A set of signals.
#[derive(Clone, Copy)]
pub(crate) struct Signals(libc::sigset_t);

impl Signals {
    /// Returns all of them.
    pub(crate) fn all() -> Self {
        // SAFETY: A set of zeroes is one, and sigfillset() writes it.
        unsafe {
            let mut set = mem::zeroed();
            libc::sigfillset(&raw mut set);
            Self(set)
        }
    }

    /// Returns the set of one signal.
    pub(crate) fn one(signal: i32) -> Self {
        // SAFETY: As in all(); a number that is no signal is refused.
        unsafe {
            let mut set = mem::zeroed();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, signal);
            Self(set)
        }
    }

    /// Makes this the set of signals that the thread blocks; returns the old one.
    pub(crate) fn block_only(&self) -> Self {
        self.change(libc::SIG_SETMASK)
    }

    /// Unblocks these.
    pub(crate) fn unblock(&self) {
        self.change(libc::SIG_UNBLOCK);
    }

    fn change(&self, how: i32) -> Self {
        // SAFETY: Both sets are sets, and live until it returns.
        unsafe {
            let mut old = mem::zeroed();
            libc::pthread_sigmask(how, &raw const self.0, &raw mut old);
            Self(old)
        }
    }

    /// Waits for one of these, which have to be blocked, and takes it.
    pub(crate) fn wait(&self) -> Received {
        loop {
            // SAFETY: The set is one, and the record is written before it is read.
            let received = unsafe {
                let mut info = mem::zeroed();
                (libc::sigwaitinfo(&raw const self.0, &raw mut info) > 0).then_some(info)
            };
            // It fails when the process was stopped meanwhile.
            if let Some(info) = received {
                return Received::new(info);
            }
        }
    }

    /// Takes one of these that is pending.
    pub(crate) fn take(&self) -> Option<Received> {
        let at_once = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: As in wait().
        unsafe {
            let mut info = mem::zeroed();
            (libc::sigtimedwait(&raw const self.0, &raw mut info, &raw const at_once) > 0)
                .then(|| Received::new(info))
        }
    }
}

/// A signal that has come.
#[derive(Clone, Copy)]
pub(crate) struct Received {
    pub(crate) number: i32,
    /// `SI_USER`, `SI_KERNEL` and so on.
    pub(crate) code: i32,
    /// The process that has sent it, if one has.
    pub(crate) sender: i32,
    info: libc::siginfo_t,
}

impl Received {
    fn new(info: libc::siginfo_t) -> Self {
        Self {
            number: info.si_signo,
            code: info.si_code,
            // SAFETY: The field is there for all kinds of signals that have a
            // sender; for others it is some number.
            sender: unsafe { info.si_pid() },
            info,
        }
    }

    /// Sends it to a process, with the value that came with it if any.
    pub(crate) fn pass_on(&self, pid: i32) {
        // The process may have ended: then nobody wants to know.
        if self.code == libc::SI_QUEUE {
            // SAFETY: The record is one that the kernel has made.
            unsafe {
                libc::syscall(
                    libc::SYS_rt_sigqueueinfo,
                    pid,
                    self.number,
                    &raw const self.info,
                );
            }
        } else {
            send(pid, self.number);
        }
    }
}

/// Sends a signal to a process.
pub(crate) fn send(pid: i32, signal: i32) {
    // SAFETY: kill() touches no memory of ours.
    unsafe { libc::kill(pid, signal) };
}

/// Sends this thread a signal, and lets it do what it does by default even if it
/// is blocked.
pub(crate) fn suffer(signal: i32) {
    set_default(signal);
    // While it is blocked: one that is pending already is the same one.
    // SAFETY: It only sends a signal.
    unsafe { libc::raise(signal) };
    let one = Signals::one(signal);
    one.unblock();
    one.change(libc::SIG_BLOCK);
}

/// Has a command start with these signals blocked, and with the signals ignored
/// that were ignored when this program was started.
pub(crate) fn start_with(command: &mut Command, blocked: Signals, child_is_ignored: bool) {
    let pipe_is_ignored = AT_START.load(Ordering::Relaxed) & PIPE_IS_IGNORED != 0;
    let action = |ignored| {
        if ignored {
            libc::SIG_IGN
        } else {
            libc::SIG_DFL
        }
    };
    let (pipe, child) = (action(pipe_is_ignored), action(child_is_ignored));
    let prepare = move || -> io::Result<()> {
        set_action(libc::SIGPIPE, pipe);
        set_action(libc::SIGCHLD, child);
        blocked.block_only();
        Ok(())
    };
    // SAFETY: What it calls may be called between fork() and exec().
    unsafe { command.pre_exec(prepare) };
}
