// SPDX-License-Identifier: GPL-2.0

//! `map`: a picture of memory, or the same as JSON.

use crate::{
    Verdict,
    cli::MapArgs,
    devices,
    look::Survey,
    machine::Geometry,
    name::Name,
    picture::{Picture, Piece, Totals},
    report,
    shmem::Memory,
    survey::{self, Kind, Strip},
};
use anyhow::{Result, bail};
use serde_json::Value;
use std::env;

pub(crate) fn show(args: &MapArgs) -> Result<Verdict> {
    let geometry = Geometry::of_machine()?;
    match (args.pid, &args.file) {
        (Some(pid), _) => of_process(pid, args, geometry)?,
        (None, Some(path)) => {
            devices::check_file(path)?;
            let (strip, sees_sizes) = survey::file(path, geometry)?;
            let name = Name::from(path.as_path());
            let piece = Piece {
                title: name.to_string(),
                name,
                bytes: std::fs::metadata(path)?.len(),
                note: None,
                strip,
            };
            print([piece], args, geometry)?;
            note_sizes(sees_sizes);
        }
        (None, None) => bail!("name a process with --pid, or a file with --file"),
    }
    Ok(Verdict::Huge)
}

fn of_process(pid: i32, args: &MapArgs, geometry: Geometry) -> Result<()> {
    let mut memory = Memory::of(pid)?;
    let mappings = memory.mappings()?;
    let mut survey = Survey::new(&memory, &mappings, geometry)?;
    // What has gone meanwhile is left out.
    let pieces = mappings.iter().filter_map(|mapping| {
        let strip = survey.strip(mapping)?;
        Some(Piece::of_mapping(mapping, strip, geometry))
    });
    print(pieces, args, geometry)?;
    report::problems(&survey.problems);
    if survey.is_partial {
        anstream::eprintln!(
            "Without root only what this process itself has touched is seen: run it with sudo."
        );
    }
    if survey.has_overlay {
        anstream::eprintln!(
            "Of files behind an overlay only what this process itself has touched is seen."
        );
    }
    note_sizes(survey.sees_sizes);
    Ok(())
}

fn note_sizes(sees_sizes: bool) {
    if !sees_sizes {
        anstream::eprintln!(
            "The kernel refuses userfaultfd(), without which a look might change something: \
             only what is mapped huge is seen to be huge."
        );
    }
}

fn print(
    pieces: impl IntoIterator<Item = Piece>,
    args: &MapArgs,
    geometry: Geometry,
) -> Result<()> {
    if args.json {
        return json(pieces, geometry);
    }
    let picture = Picture {
        geometry,
        of_process: args.pid.is_some(),
        ascii: args.ascii || !is_utf8(),
    };
    let mut out = anstream::stdout().lock();
    let mut totals = Totals::default();
    for piece in pieces {
        if !args.quiet {
            picture.draw(&mut out, &piece)?;
        }
        totals.add(&piece.strip, geometry);
    }
    if !args.quiet {
        picture.legend(&mut out, &totals)?;
    }
    picture.totals(&mut out, &totals)?;
    Ok(())
}

/// Whether the terminal shows more than ASCII: the first of these that is set
/// decides, as for the C library.
pub(crate) fn is_utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(env::var_os)
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_string_lossy().to_ascii_lowercase();
            value.ends_with("utf-8") || value.ends_with("utf8")
        })
}

fn json(pieces: impl IntoIterator<Item = Piece>, geometry: Geometry) -> Result<()> {
    let pieces: Vec<_> = pieces
        .into_iter()
        .map(|piece| {
            serde_json::json!({
                "title": piece.title,
                "name": piece.name,
                "bytes": piece.bytes,
                "aligned": piece.note.is_none(),
                "totals": Totals::of([&piece.strip], geometry),
                "extents": json_extents(&piece.strip),
            })
        })
        .collect();
    report::print_json(&serde_json::json!({
        "extent_bytes": geometry.extent,
        "page_bytes": geometry.page,
        "memory": pieces,
    }))
}

/// Each extent that has pages, and each stretch of holes with how many they are.
fn json_extents(strip: &Strip) -> Vec<Value> {
    let mut extents = Vec::new();
    let mut next = 0u64;
    let stretch = |from: u64, to: u64| {
        (from < to).then(|| {
            serde_json::json!({
                "at": strip.at(from),
                "kind": Kind::Hole,
                "extents": to - from,
                "present_pages": 0,
                "swapped_pages": 0,
            })
        })
    };
    for cell in &strip.cells {
        let index = strip.index(cell.at);
        extents.extend(stretch(next, index));
        extents.push(serde_json::json!({
            "at": cell.at,
            "kind": cell.kind,
            "extents": 1,
            "present_pages": cell.extent.present,
            "swapped_pages": cell.extent.swapped,
        }));
        next = index.saturating_add(1);
    }
    extents.extend(stretch(next, strip.extents));
    extents
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::X86,
        survey::{
            Cell, Extent,
            tests::{M, mapping},
        },
    };

    #[test]
    fn a_stretch_of_holes_is_one_entry() {
        let last = Cell {
            at: 64 * M + (1 << 44),
            kind: Kind::Small,
            extent: Extent {
                present: 512,
                ..Extent::default()
            },
        };
        let mapping = mapping(64 * M..last.at + 4 * M, 0);
        let json = json_extents(&Strip::of_mapping(&mapping, X86, vec![last]));
        assert_eq!(json.len(), 3);
        assert_eq!(json[0]["extents"], 1 << 23);
        assert_eq!(json[1]["at"], last.at);
        assert_eq!(json[1]["present_pages"], 512);
        assert_eq!(json[2]["extents"], 1);
    }
}
