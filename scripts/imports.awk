# SPDX-License-Identifier: GPL-2.0
#
# Reads the files of a crate, whose names are relative to its root, and prints
# "FROM TO" for every file TO that FROM names something of.
#
# Lines are those of rustfmt: a module in a file ends with a brace that is
# indented as its first line is.

# module FILE: the path of the module that the file is
function module(file)
{
	sub(/\.rs$/, "", file)
	sub(/(^|\/)mod$/, "", file)
	gsub(/\//, "::", file)
	return file
}

# name PATH: notes what the path names, seen from this place
function name(path, scope)
{
	scope = module(FILENAME)
	for (i = 0; i < depth; i++)
		scope = scope "::"
	if (path ~ /^crate::/) {
		scope = ""
		sub(/^crate::/, "", path)
	}
	while (path ~ /^(super|self)::/) {
		if (path ~ /^super/ && !sub(/::[a-z_0-9]*$/, "", scope))
			scope = ""
		sub(/^(super|self)::/, "", path)
	}
	path = scope == "" ? path : scope "::" path
	named[FILENAME " " path]
}

# tree PREFIX: notes the paths of the part of a use declaration that "rest" begins with
function tree(prefix, path)
{
	path = prefix
	while (match(rest, /^([A-Za-z_0-9]+|\*)/)) {
		path = path substr(rest, 1, RLENGTH)
		rest = substr(rest, RLENGTH + 1)
		if (rest !~ /^::/) {
			sub(/^ as [A-Za-z_0-9]+/, "", rest)
			name(path)
			return
		}
		path = path "::"
		rest = substr(rest, 3)
	}
	while (rest ~ /^[{,]/) {
		rest = substr(rest, 2)
		if (rest !~ /^[}]/)
			tree(path)
	}
	sub(/^[}]/, "", rest)
}

BEGIN {
	for (i = 1; i < ARGC; i++)
		files[module(ARGV[i])] = ARGV[i]
}

FNR == 1 {
	depth = 0
	use = ""
}

{
	sub(/[ \t]*\/\/.*/, "")
}

/^ *(pub(\([a-z]*\))? )?mod [a-z_0-9]+ [{]$/ {
	match($0, /^ */)
	ends[depth++] = RLENGTH
}

depth && /^ *[}]$/ {
	match($0, /^ */)
	if (RLENGTH == ends[depth - 1])
		depth--
}

use != "" || /^ *(pub(\([a-z: ]*\))? )?use (crate|super|self)::/ {
	use = use $0
	if ($0 !~ /;$/)
		next
	gsub(/[ \t]+/, " ", use)
	sub(/^ ?(pub[^ ]* )?use /, "", use)
	gsub(/ ?[{] ?/, "{", use)
	gsub(/,? ?[}]/, "}", use)
	gsub(/, /, ",", use)
	rest = use
	tree("")
	use = ""
	next
}

{
	while (match($0, /(crate|super)(::[A-Za-z_0-9]+)+/)) {
		name(substr($0, RSTART, RLENGTH))
		$0 = substr($0, RSTART + RLENGTH)
	}
}

END {
	for (pair in named) {
		split(pair, part, " ")
		path = part[2]
		while (path != "" && !(path in files))
			if (!sub(/::[^:]*$/, "", path))
				path = ""
		# What the root of the crate defines is for all.
		if (path != "" && files[path] != part[1])
			edges[part[1] " " files[path]]
	}
	for (edge in edges)
		print edge
}
