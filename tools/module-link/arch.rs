// SPDX-License-Identifier: GPL-2.0

//! What differs between architectures: adding one means adding a row to [`TABLE`].

/// How relocations look on one architecture.
#[derive(Debug)]
pub(crate) struct Arch {
    machine: u16,
    /// The type whose field is the whole address.
    pub(crate) address: u32,
    /// Names of the relocation types that the kernel's module loader applies.
    applied: &'static [(u32, &'static str)],
    /// Names of the types that go through a global offset table, which modules do not have.
    got: &'static [(u32, &'static str)],
    /// Whether a relocation is the target of a direct call or jump, judged by its type and by the
    /// bytes of the section up to the relocated field.
    is_branch: fn(kind: u32, before: &[u8]) -> bool,
    /// The number of bytes that a relocation of a type changes.
    width: fn(kind: u32) -> usize,
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
                    "ELF machine {machine} is not supported, only x86_64 and arm64 are: \
                     export the symbols from the kernel instead"
                )
            })
    }

    pub(crate) fn is_branch(&self, kind: u32, before: &[u8]) -> bool {
        (self.is_branch)(kind, before)
    }

    pub(crate) fn width(&self, kind: u32) -> usize {
        (self.width)(kind)
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
const R_X86_64_64: u32 = 1;
const R_X86_64_PC32: u32 = 2;
const R_X86_64_PLT32: u32 = 4;
const R_X86_64_PC64: u32 = 24;

/// The types alone do not tell: relative vtables use PLT32 for addresses, and old assemblers use
/// PC32 for calls. In front of the 32-bit field, CALL and JMP have E8 and E9, and the conditional
/// jumps 0F 80 to 0F 8F; RIP-relative operands have a ModRM byte, which is none of these.
fn x86_64_is_branch(kind: u32, before: &[u8]) -> bool {
    matches!(kind, R_X86_64_PC32 | R_X86_64_PLT32)
        && matches!(before, [.., 0xe8 | 0xe9] | [.., 0x0f, 0x80..=0x8f])
}

fn x86_64_width(kind: u32) -> usize {
    match kind {
        0 => 0,
        R_X86_64_64 | R_X86_64_PC64 => 8,
        _ => 4,
    }
}

const EM_AARCH64: u16 = 183;
const R_AARCH64_NONE: u32 = 256;
const R_AARCH64_ABS64: u32 = 257;
const R_AARCH64_ABS16: u32 = 259;
const R_AARCH64_PREL64: u32 = 260;
const R_AARCH64_PREL16: u32 = 262;
const R_AARCH64_TSTBR14: u32 = 279;
const R_AARCH64_CONDBR19: u32 = 280;
const R_AARCH64_JUMP26: u32 = 282;
const R_AARCH64_CALL26: u32 = 283;

/// Each of these types belongs to branches and nothing else.
fn aarch64_is_branch(kind: u32, _before: &[u8]) -> bool {
    matches!(
        kind,
        R_AARCH64_TSTBR14 | R_AARCH64_CONDBR19 | R_AARCH64_JUMP26 | R_AARCH64_CALL26
    )
}

/// All others are part of an instruction.
fn aarch64_width(kind: u32) -> usize {
    match kind {
        0 | R_AARCH64_NONE => 0,
        R_AARCH64_ABS64 | R_AARCH64_PREL64 => 8,
        R_AARCH64_ABS16 | R_AARCH64_PREL16 => 2,
        _ => 4,
    }
}

static TABLE: &[Arch] = &[
    Arch {
        machine: EM_X86_64,
        address: R_X86_64_64,
        applied: &[
            (0, "R_X86_64_NONE"),
            (R_X86_64_64, "R_X86_64_64"),
            (R_X86_64_PC32, "R_X86_64_PC32"),
            (R_X86_64_PLT32, "R_X86_64_PLT32"),
            (10, "R_X86_64_32"),
            (11, "R_X86_64_32S"),
            (R_X86_64_PC64, "R_X86_64_PC64"),
        ],
        got: &[
            (9, "R_X86_64_GOTPCREL"),
            (41, "R_X86_64_GOTPCRELX"),
            (42, "R_X86_64_REX_GOTPCRELX"),
        ],
        is_branch: x86_64_is_branch,
        width: x86_64_width,
    },
    Arch {
        machine: EM_AARCH64,
        address: R_AARCH64_ABS64,
        applied: &[
            (0, "R_ARM_NONE"),
            (R_AARCH64_NONE, "R_AARCH64_NONE"),
            (R_AARCH64_ABS64, "R_AARCH64_ABS64"),
            (258, "R_AARCH64_ABS32"),
            (R_AARCH64_ABS16, "R_AARCH64_ABS16"),
            (R_AARCH64_PREL64, "R_AARCH64_PREL64"),
            (261, "R_AARCH64_PREL32"),
            (R_AARCH64_PREL16, "R_AARCH64_PREL16"),
            (263, "R_AARCH64_MOVW_UABS_G0"),
            (264, "R_AARCH64_MOVW_UABS_G0_NC"),
            (265, "R_AARCH64_MOVW_UABS_G1"),
            (266, "R_AARCH64_MOVW_UABS_G1_NC"),
            (267, "R_AARCH64_MOVW_UABS_G2"),
            (268, "R_AARCH64_MOVW_UABS_G2_NC"),
            (269, "R_AARCH64_MOVW_UABS_G3"),
            (270, "R_AARCH64_MOVW_SABS_G0"),
            (271, "R_AARCH64_MOVW_SABS_G1"),
            (272, "R_AARCH64_MOVW_SABS_G2"),
            (273, "R_AARCH64_LD_PREL_LO19"),
            (274, "R_AARCH64_ADR_PREL_LO21"),
            (275, "R_AARCH64_ADR_PREL_PG_HI21"),
            (276, "R_AARCH64_ADR_PREL_PG_HI21_NC"),
            (277, "R_AARCH64_ADD_ABS_LO12_NC"),
            (278, "R_AARCH64_LDST8_ABS_LO12_NC"),
            (R_AARCH64_TSTBR14, "R_AARCH64_TSTBR14"),
            (R_AARCH64_CONDBR19, "R_AARCH64_CONDBR19"),
            (R_AARCH64_JUMP26, "R_AARCH64_JUMP26"),
            (R_AARCH64_CALL26, "R_AARCH64_CALL26"),
            (284, "R_AARCH64_LDST16_ABS_LO12_NC"),
            (285, "R_AARCH64_LDST32_ABS_LO12_NC"),
            (286, "R_AARCH64_LDST64_ABS_LO12_NC"),
            (287, "R_AARCH64_MOVW_PREL_G0"),
            (288, "R_AARCH64_MOVW_PREL_G0_NC"),
            (289, "R_AARCH64_MOVW_PREL_G1"),
            (290, "R_AARCH64_MOVW_PREL_G1_NC"),
            (291, "R_AARCH64_MOVW_PREL_G2"),
            (292, "R_AARCH64_MOVW_PREL_G2_NC"),
            (293, "R_AARCH64_MOVW_PREL_G3"),
            (299, "R_AARCH64_LDST128_ABS_LO12_NC"),
        ],
        got: &[
            (309, "R_AARCH64_GOT_LD_PREL19"),
            (311, "R_AARCH64_ADR_GOT_PAGE"),
            (312, "R_AARCH64_LD64_GOT_LO12_NC"),
        ],
        is_branch: aarch64_is_branch,
        width: aarch64_width,
    },
];
