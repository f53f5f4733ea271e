// SPDX-License-Identifier: GPL-2.0

//! What differs between architectures: adding one means adding a row to [`TABLE`].

/// How relocations look on one architecture.
#[derive(Debug)]
pub(crate) struct Arch {
    machine: u16,
    /// Names of the relocation types that the kernel's module loader applies.
    applied: &'static [(u32, &'static str)],
    /// Names of the types that go through a global offset table, which modules do not have.
    got: &'static [(u32, &'static str)],
    /// Whether a relocation is the target of a direct call or jump, judged by its type and by the
    /// bytes of the section up to the relocated field.
    is_branch: fn(kind: u32, before: &[u8]) -> bool,
}

/// What the module loader does with a relocation type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RelocationType {
    Applied(&'static str),
    Got(&'static str),
    Unknown,
}

impl Arch {
    /// The architecture of an ELF file.
    pub(crate) fn of(machine: u16) -> Result<&'static Self, String> {
        TABLE
            .iter()
            .find(|arch| arch.machine == machine)
            .ok_or_else(|| {
                format!(
                    "ELF machine {machine} is not supported, only x86_64 is: \
                 export the symbols from the kernel instead"
                )
            })
    }

    pub(crate) fn is_branch(&self, kind: u32, before: &[u8]) -> bool {
        (self.is_branch)(kind, before)
    }

    pub(crate) fn relocation_type(&self, kind: u32) -> RelocationType {
        let find =
            |table: &[(u32, &'static str)]| table.iter().find(|row| row.0 == kind).map(|row| row.1);
        find(self.applied)
            .map(RelocationType::Applied)
            .or(find(self.got).map(RelocationType::Got))
            .unwrap_or(RelocationType::Unknown)
    }
}

const EM_X86_64: u16 = 62;
const R_X86_64_PC32: u32 = 2;
const R_X86_64_PLT32: u32 = 4;

/// The types alone do not tell: relative vtables use PLT32 for addresses, and old assemblers use
/// PC32 for calls. In front of the 32-bit field, CALL and JMP have E8 and E9, and the conditional
/// jumps 0F 80 to 0F 8F; RIP-relative operands have a ModRM byte, which is none of these.
fn x86_64_is_branch(kind: u32, before: &[u8]) -> bool {
    matches!(kind, R_X86_64_PC32 | R_X86_64_PLT32)
        && matches!(before, [.., 0xe8 | 0xe9] | [.., 0x0f, 0x80..=0x8f])
}

static TABLE: &[Arch] = &[Arch {
    machine: EM_X86_64,
    applied: &[
        (0, "R_X86_64_NONE"),
        (1, "R_X86_64_64"),
        (R_X86_64_PC32, "R_X86_64_PC32"),
        (R_X86_64_PLT32, "R_X86_64_PLT32"),
        (10, "R_X86_64_32"),
        (11, "R_X86_64_32S"),
        (24, "R_X86_64_PC64"),
    ],
    got: &[
        (9, "R_X86_64_GOTPCREL"),
        (41, "R_X86_64_GOTPCRELX"),
        (42, "R_X86_64_REX_GOTPCRELX"),
    ],
    is_branch: x86_64_is_branch,
}];
